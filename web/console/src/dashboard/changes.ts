import { type RefObject, useEffect, useRef, useState } from "react";
import type { Agent } from "../generated/agents";
import { useApp } from "../state/app-state";
import type { Agents } from "../state/entities";

/** Which agents changed while the page was open. */
export interface Changes {
  readonly agents: Agents;
  /** Whether the list was up to date before; what comes first is no news. */
  readonly isKnown: boolean;
  /** When each agent changed last, in milliseconds of this page. */
  readonly times: ReadonlyMap<number, number>;
}

export const NO_CHANGES: Changes = { agents: new Map(), isKnown: false, times: new Map() };

/** What changed with the next state of the list. A status is no change: it has its own place, and changes often. */
export function changesAfter(held: Changes, agents: Agents, isLive: boolean, now: number): Changes {
  const times = new Map([...held.times].filter(([id]) => agents.has(id)));
  for (const agent of agents.values()) {
    const before = held.agents.get(agent.id);
    if (held.isKnown && before !== agent && !(before && looksLike(before, agent))) {
      times.set(agent.id, now);
    }
  }
  return { agents, isKnown: held.isKnown || isLive, times };
}

function looksLike(a: Agent, b: Agent): boolean {
  return (
    a.name === b.name &&
    a.model === b.model &&
    a.system_instructions === b.system_instructions &&
    a.task_instructions === b.task_instructions &&
    JSON.stringify(a.config) === JSON.stringify(b.config)
  );
}

/** When each agent changed while one looked. */
export function useChanges(): Changes["times"] {
  const agents = useApp((state) => state.agents.data);
  const isLive = useApp((state) => state.agents.status === "live");
  const [changes, setChanges] = useState(NO_CHANGES);
  if (changes.agents !== agents || (isLive && !changes.isKnown)) {
    setChanges(changesAfter(changes, agents, isLive, performance.now()));
  }
  return changes.times;
}

/** Milliseconds for which a change is pointed out. */
const SHOWN = 1_600;

/**
 * Point out a change with a tint, the element's `::before`. An animation of CSS would begin anew each time the list is
 * put into another order.
 */
export function useHighlight<Shown extends Element>(changedAt: number | undefined): RefObject<Shown | null> {
  const ref = useRef<Shown>(null);
  useEffect(() => {
    if (changedAt !== undefined && performance.now() - changedAt < SHOWN) {
      // Who wants no motion sees the same tint, which goes at once.
      const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
      const easing = isStill ? "step-end" : "ease-out";
      ref.current?.animate({ opacity: [1, 0] }, { duration: SHOWN, easing, pseudoElement: "::before" });
    }
  }, [changedAt]);
  return ref;
}
