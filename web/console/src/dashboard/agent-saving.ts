import { Failure } from "../api/failure";
import { rest } from "../api/rest";
import type { Agent } from "../generated/agents";
import { type AgentContent, changesOf, conflictsOf, type FieldErrors } from "./agent-values";

/** A run that starts or ends changes the version too, so a save may meet some of them. */
const MOST_TRIES = 5;

/** An agent to change: as the form began with it, and as it is now. */
export interface Changing {
  readonly base: AgentContent;
  readonly latest: Agent;
}

/** An agent that was saved, or as somebody else left it, who changed the same fields. */
export type Saved = { readonly saved: Agent } | { readonly theirs: Agent };

/** Save an agent, or make it where there is none to change. Throws `Failure`. */
export async function saveAgent(changing: Changing | undefined, mine: AgentContent): Promise<Saved> {
  if (!changing) {
    return { saved: await rest.createAgent(mine) };
  }
  const { base, latest } = changing;
  const changes = changesOf(base, mine);
  if (!Object.keys(changes).length) {
    return { saved: latest };
  }
  let { version } = latest;
  for (let tries = 1; ; tries++) {
    try {
      return { saved: await rest.changeAgent(latest.id, { ...changes, version }) };
    } catch (error) {
      if (!(error instanceof Failure && error.status === 409) || tries === MOST_TRIES) {
        throw error;
      }
    }
    const now = await rest.agent(latest.id);
    if (conflictsOf(base, mine, now).length) {
      return { theirs: now };
    }
    version = now.version;
  }
}

/** The sentences of the server for the fields of the form; the config's stands at its JSON. */
export function refusedFields(error: unknown): FieldErrors {
  const { config, ...others } = error instanceof Failure ? error.fields : {};
  return config ? { ...others, more: config } : others;
}
