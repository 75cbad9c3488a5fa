import { Failure } from "../api/failure";
import { rest } from "../api/rest";
import { useApp } from "./app-state";

export type Kind = "agents" | "threads";

/** Seconds in which a deletion can be undone. */
export const UNDO_TIME = 6;

const REMOVE = { agents: rest.deleteAgent, threads: rest.deleteThread };

interface Waiting {
  readonly kind: Kind;
  readonly id: number;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** Deletions that are shown at once and done a moment later, so that they can be undone; at the page's end at once. */
export class Deletions {
  readonly #waiting = new Set<Waiting>();

  constructor(readonly failed: (sentence: string) => void) {
    globalThis.addEventListener("pagehide", () => this.#finish());
  }

  /** Delete an agent or a thread in a moment; returns what takes it back. */
  begin(kind: Kind, id: number): () => void {
    hide(kind, id, true);
    const waiting: Waiting = { kind, id, timer: setTimeout(() => this.#do(waiting), UNDO_TIME * 1000) };
    this.#waiting.add(waiting);
    return () => {
      if (this.#waiting.delete(waiting)) {
        clearTimeout(waiting.timer);
        hide(kind, id, false);
      }
    };
  }

  #finish(): void {
    for (const waiting of this.#waiting) {
      clearTimeout(waiting.timer);
      this.#do(waiting, true);
    }
  }

  async #do(waiting: Waiting, isLast = false): Promise<void> {
    this.#waiting.delete(waiting);
    try {
      await REMOVE[waiting.kind](waiting.id, isLast);
    } catch (error) {
      if (!(error instanceof Failure && error.status === 404)) {
        hide(waiting.kind, waiting.id, false);
        this.failed(error instanceof Failure ? error.message : String(error));
      }
    }
  }
}

function hide(kind: Kind, id: number, isHidden: boolean): void {
  useApp.setState(({ vanishing }) => {
    const ids = new Set(vanishing[kind]);
    if (isHidden) {
      ids.add(id);
    } else {
      ids.delete(id);
    }
    return { vanishing: { ...vanishing, [kind]: ids } };
  });
}
