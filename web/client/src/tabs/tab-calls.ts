import type { CallOutcome } from "../call-outcome.js";
import type { CallOptions } from "../line.js";
import type { TabRequest } from "./messages.js";

/** The calls of a tab that the hub has not answered. */
export class TabCalls {
  readonly #post: (request: TabRequest) => void;
  readonly #unanswered = new Map<number, (outcome: CallOutcome) => void>();
  #ids = 0;

  constructor(post: (request: TabRequest) => void) {
    this.#post = post;
  }

  /** Resolves with how it ended. `params` are JSON. */
  make(method: string, params: string, { key }: CallOptions): Promise<CallOutcome> {
    const id = ++this.#ids;
    return new Promise((resolve) => {
      this.#unanswered.set(id, resolve);
      this.#post({ kind: "call", id, method, params, key });
    });
  }

  end(id: number, outcome: CallOutcome): void {
    this.#unanswered.get(id)?.(outcome);
    this.#unanswered.delete(id);
  }

  /** There is no line any more: what was not answered may have taken effect. */
  cut(): void {
    for (const id of [...this.#unanswered.keys()]) {
      this.end(id, { kind: "cut" });
    }
  }
}
