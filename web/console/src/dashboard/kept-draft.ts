import type { BrowserStorage } from "../state/browser-storage";
import type { AgentContent, AgentValues } from "./agent-values";

/** What was typed into the form of an agent and not saved, with the agent as it was then. */
export interface AgentDraftKept {
  readonly values: AgentValues;
  readonly base: AgentContent;
}

/** Milliseconds from the last key to the saving. */
const PAUSE = 250;

/** Keeps what is typed into one form, so that closing it, or the page, loses nothing. */
export class KeptDraft {
  readonly #storage: BrowserStorage;
  readonly #name: string;
  #pending: AgentDraftKept | null | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(storage: BrowserStorage, agentId: number | undefined) {
    this.#storage = storage;
    this.#name = `draft of agent ${agentId ?? "new"}`;
  }

  read(): AgentDraftKept | null {
    return this.#storage.read<AgentDraftKept | null>(this.#name, null);
  }

  /** Keep this in a moment; null forgets what was kept. */
  keep(draft: AgentDraftKept | null): void {
    this.#pending = draft;
    this.#timer ??= setTimeout(this.flush, PAUSE);
  }

  /** Keep it now: the form goes away. */
  readonly flush = (): void => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#pending === null) {
      this.#storage.remove(this.#name);
    } else if (this.#pending) {
      this.#storage.write(this.#name, this.#pending);
    }
    this.#pending = undefined;
  };
}
