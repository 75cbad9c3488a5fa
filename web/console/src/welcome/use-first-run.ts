import { useState } from "react";
import { type AgentDraft, rest } from "../api/rest";
import type { Agent } from "../generated/agents";
import { useStored } from "../shell/use-stored";
import { useApp } from "../state/app-state";

interface FirstRun {
  /** Whether the welcome stands where the list would. */
  readonly isOn: boolean;
  /** The first agent, once it is there. */
  readonly agent: Agent | undefined;
  /** Make the first agent. Throws `Failure`. */
  make(draft: AgentDraft): Promise<void>;
  end(): void;
}

/** Whether nothing is set up here: no agent, or only the one of the welcome, which nobody has asked anything yet. */
export function useFirstRun(): FirstRun {
  const [firstId, keepFirstId] = useStored<number | null>("first agent", null);
  const [isOver, setOver] = useState(false);
  const [isMaking, setMaking] = useState(false);
  const agents = useApp((state) => state.agents.data);
  const isVanishing = useApp((state) => state.vanishing.agents.size > 0);
  const isLive = useApp((state) => state.agents.status === "live" && state.threads.status === "live");
  const isCut = useApp((state) => state.truncated.agents);
  const hasThreads = useApp((state) => state.threads.data.byId.size > 0);
  const agent = firstId === null ? undefined : agents.get(firstId);
  const isEmpty = agents.size === 0 && !isVanishing;
  // The agent comes as an event, before the answer that tells its id or after it.
  const isFirstOnly = agents.size === 1 && (agent !== undefined || isMaking) && !hasThreads;
  return {
    isOn: !isOver && isLive && !isCut && (isEmpty || isFirstOnly),
    agent,
    make: async (draft) => {
      setMaking(true);
      try {
        keepFirstId((await rest.createAgent(draft)).id);
      } finally {
        setMaking(false);
      }
    },
    end: () => {
      setOver(true);
      keepFirstId(null);
    },
  };
}
