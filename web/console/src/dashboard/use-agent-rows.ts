import { useDeferredValue, useMemo, useState } from "react";
import { useApp } from "../state/app-state";
import { summarize } from "../state/entities";
import { type AgentFilter, type AgentRow, filterRows, modelsOf, rowsOf, type Sorting, sortRows } from "./agent-rows";
import { changesAfter, NO_CHANGES, settled } from "./changes";
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
  const rows = useMemo(() => sortRows(filterRows(all, asked), sorting), [all, asked, sorting]);
  const models = useMemo(() => modelsOf(all), [all]);
  return { rows, total: all.length, models };
}

/** The agents that are to be pointed out, because they changed while one looked. */
export function useChanges() {
  const agents = useApp((state) => state.agents.data);
  const isLive = useApp((state) => state.agents.status === "live");
  const [changes, setChanges] = useState(NO_CHANGES);
  const [settle] = useState(() => (id: number) => setChanges((held) => settled(held, id)));
  if (changes.agents !== agents || (isLive && !changes.isKnown)) {
    setChanges(changesAfter(changes, agents, isLive));
  }
  return { marks: changes.marks, settle };
}
