import type { Agent, Run } from "../generated/agents";
import type { AgentSummary } from "../state/entities";

export type AgentStatus = Agent["status"];

/** One agent as the dashboard lists it. */
export interface AgentRow {
  readonly agent: Agent;
  /** The name of the model that answers; "" while nobody knows which one is the default. */
  readonly model: string;
  readonly threads: number;
  /** Answers in progress. */
  readonly running: number;
  readonly lastRun: Run | null;
}

export const COLUMNS = ["name", "model", "status", "lastRun", "threads", "updated"] as const;
export type Column = (typeof COLUMNS)[number];

export interface Sorting {
  readonly column: Column;
  readonly isDescending: boolean;
}

export const FIRST_SORTING: Sorting = { column: "name", isDescending: false };

/** What to list; what is empty or null lets everything pass. */
export interface AgentFilter {
  readonly text: string;
  readonly status: AgentStatus | null;
  readonly model: string | null;
}

export const NO_FILTER: AgentFilter = { text: "", status: null, model: null };

/** The agents that nobody is deleting, with what their threads say of them. */
export function rowsOf(
  agents: Iterable<Agent>,
  summaries: ReadonlyMap<number, AgentSummary>,
  vanishing: ReadonlySet<number>,
  defaultModel: string,
): readonly AgentRow[] {
  const rows: AgentRow[] = [];
  for (const agent of agents) {
    if (!vanishing.has(agent.id)) {
      const { threads = 0, running = 0, lastRun = null } = summaries.get(agent.id) ?? {};
      rows.push({ agent, model: agent.model || defaultModel, threads, running, lastRun });
    }
  }
  return rows;
}

/** The rows that a filter lets pass: each word of its text stands in the name or the model. */
export function filterRows(rows: readonly AgentRow[], { text, status, model }: AgentFilter): readonly AgentRow[] {
  const words = text.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length && status === null && model === null) {
    return rows;
  }
  return rows.filter((row) => {
    const place = `${row.agent.name}\n${row.model}`.toLocaleLowerCase();
    return (
      (status === null || row.agent.status === status) &&
      (model === null || row.model === model) &&
      words.every((word) => place.includes(word))
    );
  });
}

/** When the last run ended, or else began, or else was asked for. */
export function timeOfRun({ finished_at, started_at, created_at }: Run): string {
  return finished_at ?? started_at ?? created_at;
}

const words = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
const URGENCY: Readonly<Record<AgentStatus, number>> = { running: 0, error: 1, idle: 2 };

function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

const COMPARE: Readonly<Record<Column, (a: AgentRow, b: AgentRow) => number>> = {
  name: (a, b) => words.compare(a.agent.name, b.agent.name),
  model: (a, b) => words.compare(a.model, b.model),
  status: (a, b) => URGENCY[a.agent.status] - URGENCY[b.agent.status] || b.running - a.running,
  lastRun: (a, b) => compareText(a.lastRun ? timeOfRun(a.lastRun) : "", b.lastRun ? timeOfRun(b.lastRun) : ""),
  threads: (a, b) => a.threads - b.threads,
  updated: (a, b) => compareText(a.agent.updated_at, b.agent.updated_at),
};

/** Rows in the order of a column; what is equal there by name, then by age. */
export function sortRows(rows: readonly AgentRow[], { column, isDescending }: Sorting): readonly AgentRow[] {
  const direction = isDescending ? -1 : 1;
  return rows.toSorted((a, b) => direction * COMPARE[column](a, b) || COMPARE.name(a, b) || a.agent.id - b.agent.id);
}

/** The sorting after somebody asked for a column: the same one turns round; times and counts begin with the most. */
export function sortingAfter(sorting: Sorting, column: Column): Sorting {
  if (sorting.column === column) {
    return { column, isDescending: !sorting.isDescending };
  }
  return { column, isDescending: column === "lastRun" || column === "threads" || column === "updated" };
}

/** The models that these rows answer with, in the order of their names. */
export function modelsOf(rows: readonly AgentRow[]): readonly string[] {
  return [...new Set(rows.map(({ model }) => model))].filter(Boolean).sort(words.compare);
}

/** How a run went, or what began when it is not over, in a word that goes before a time. */
export function outcomeOf({ status }: Run): string {
  return { queued: "Asked", running: "Began", done: "Answered", failed: "Failed", cancelled: "Stopped" }[status];
}
