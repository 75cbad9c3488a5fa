import type { Learned, LineStats, Position } from "@trunkline/client";
import { useMemo } from "react";
import { useConsole } from "../console-context";
import type { ConsoleClient } from "../line";
import { useNow } from "../shell/use-surroundings";
import { useApp } from "../state/app-state";

/** What this browser's line went through, at one moment. Times in seconds. */
export interface OwnFigures {
  readonly stats: Readonly<LineStats>;
  readonly learned: Learned;
  /** What was processed of each topic, by name. */
  readonly positions: readonly (readonly [string, Position])[];
  /** How long the last ping took to be answered, once one was. */
  readonly roundTrip: number | undefined;
  /** How the line is shared with the other tabs of this browser. */
  readonly sharing: string;
}

function figuresOf(line: ConsoleClient["line"]): OwnFigures {
  return {
    stats: { ...line.stats },
    learned: line.learned,
    positions: [...line.positions()].sort(([one], [other]) => one.localeCompare(other)),
    roundTrip: undefined,
    sharing: "of this tab alone",
  };
}

/** The line's figures of this second. */
export function useOwnFigures(now: number): OwnFigures {
  const { line } = useConsole().client;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the figures are read anew each second.
  return useMemo(() => figuresOf(line), [line, now]);
}

/** How the line is now, the time of this second, and the calls that wait for it. */
export function useOwnLine() {
  const now = useNow(true);
  const status = useApp((state) => state.line);
  const { calls } = useConsole();
  return { now, status, figures: useOwnFigures(now), waiting: calls.pendingCalls.length };
}
