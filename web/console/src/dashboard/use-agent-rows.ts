import { useDeferredValue, useMemo } from "react";
import { useApp } from "../state/app-state";
import { summarize } from "../state/entities";
import { type AgentFilter, type AgentRow, filterRows, modelsOf, rowsOf, type Sorting, sortRows } from "./agent-rows";
import { useSteadyOrder } from "./steady-order";
import { defaultModelOf, useModels } from "./use-models";

interface AgentRows {
  /** What the filter lets pass, in order. */
  readonly rows: readonly AgentRow[];
  /** How many there are without a filter. */
  readonly total: number;
  /** The models there are to filter by. */
  readonly models: readonly string[];
}

/** The agents as the dashboard lists them. */
export function useAgentRows(filter: AgentFilter, sorting: Sorting): AgentRows {
  const agents = useApp((state) => state.agents.data);
  const threads = useApp((state) => state.threads.data);
  const vanishing = useApp((state) => state.vanishing.agents);
  const defaultModel = defaultModelOf(useModels().data);
  const summaries = useMemo(() => summarize(threads), [threads]);
  const all = useMemo(
    () => rowsOf(agents.values(), summaries, vanishing, defaultModel),
    [agents, summaries, vanishing, defaultModel],
  );
  const asked = useDeferredValue(filter);
  const sorted = useMemo(() => sortRows(filterRows(all, asked), sorting), [all, asked, sorting]);
  const rows = useSteadyOrder(
    sorted,
    useMemo(() => ({ asked, sorting }), [asked, sorting]),
  );
  const models = useMemo(() => modelsOf(all), [all]);
  return { rows, total: all.length, models };
}
