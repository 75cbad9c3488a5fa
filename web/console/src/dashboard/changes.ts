import type { Agent } from "../generated/agents";
import type { Agents } from "../state/entities";

/** Which agents changed while the page was open, to be pointed out for a moment. */
export interface Changes {
  readonly agents: Agents;
  /** Whether the list was up to date before; what comes first is no news. */
  readonly isKnown: boolean;
  /** How often each agent changed that is still to be pointed out. */
  readonly marks: ReadonlyMap<number, number>;
}

export const NO_CHANGES: Changes = { agents: new Map(), isKnown: false, marks: new Map() };

/** What changed with the next state of the list. A status is no change: it has its own place, and changes often. */
export function changesAfter(held: Changes, agents: Agents, isLive: boolean): Changes {
  const marks = new Map([...held.marks].filter(([id]) => agents.has(id)));
  for (const agent of agents.values()) {
    const before = held.agents.get(agent.id);
    if (held.isKnown && before !== agent && !(before && looksLike(before, agent))) {
      marks.set(agent.id, (marks.get(agent.id) ?? 0) + 1);
    }
  }
  return { agents, isKnown: held.isKnown || isLive, marks };
}

/** What is left after an agent was pointed out. */
export function settled(held: Changes, id: number): Changes {
  const marks = new Map(held.marks);
  return marks.delete(id) ? { ...held, marks } : held;
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
