import { useEffect, useRef, useState } from "react";
import type { AgentRow } from "./agent-rows";

/** Milliseconds between two times that events put the list into another order. */
const STEADY = 1_000;

/** Rows in the order that the same agents had before, or as they come if they are other agents. */
export function inOrderOf(before: readonly AgentRow[], rows: readonly AgentRow[]): readonly AgentRow[] {
  if (before.length !== rows.length) {
    return rows;
  }
  const byId = new Map(rows.map((row) => [row.agent.id, row]));
  const kept = before.map(({ agent }) => byId.get(agent.id)).filter((row) => row !== undefined);
  return kept.length === rows.length ? kept : rows;
}

/**
 * The rows with an order that events change once a second at most, so that they can be read and clicked. Whoever asks
 * for another order, by another `asked`, gets it at once.
 */
export function useSteadyOrder(rows: readonly AgentRow[], asked: unknown): readonly AgentRow[] {
  const [, wake] = useState({});
  const held = useRef({ rows, asked, at: 0 });
  const now = performance.now();
  const isDue = held.current.asked !== asked || now - held.current.at >= STEADY;
  const shown = isDue ? rows : inOrderOf(held.current.rows, rows);
  const isBehind = shown.some((row, place) => row !== rows[place]);
  useEffect(() => {
    held.current = { rows: shown, asked, at: isDue ? now : held.current.at };
    if (!isBehind) {
      return;
    }
    const timer = setTimeout(() => wake({}), STEADY);
    return () => clearTimeout(timer);
  });
  return shown;
}
