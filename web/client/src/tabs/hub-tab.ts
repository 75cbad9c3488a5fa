import type { HubNotice, TabRequest } from "./messages.js";

/** What a hub uses of Web Locks: a tab holds one as long as it lives. */
export interface TabLocks {
  /** Call back once nobody holds the lock; returns what gives that up. */
  whenFree(name: string, callBack: () => void): () => void;
}

/** Messages that may be on their way to a tab; one that takes no more is let go, and joins again from its positions. */
const UNACKNOWLEDGED = 10_000;

/** One tab, as the hub sees it. */
export class HubTab {
  /** Topics it wants. */
  readonly topics = new Set<string>();
  hasToken = false;
  isWatching = false;
  /** When it was heard last. */
  heardAt = 0;
  readonly #post: (notice: HubNotice) => void;
  readonly #receive: (tab: HubTab, request: TabRequest) => void;
  #stopWatching: () => void = () => {};
  #unacknowledged = 0;

  readonly #onEnd: () => void;

  constructor(
    post: (notice: HubNotice) => void,
    receive: (tab: HubTab, request: TabRequest) => void,
    onEnd: () => void,
  ) {
    this.#post = post;
    this.#receive = receive;
    this.#onEnd = onEnd;
  }

  /** The tab says something. */
  receive(request: TabRequest): void {
    this.#receive(this, request);
  }

  /** Tell the tab something; false if too much is on its way already. */
  post(notice: HubNotice): boolean {
    const isTaken = this.#unacknowledged < UNACKNOWLEDGED || notice.kind === "dropped";
    if (isTaken) {
      this.#unacknowledged += 1;
      this.#post(notice);
    }
    return isTaken;
  }

  /** The tab has processed so many messages. */
  acknowledge(count: number): void {
    this.#unacknowledged -= count;
  }

  /** Call back when the tab has died. */
  watch(locks: TabLocks, id: string, callBack: () => void): void {
    this.#stopWatching();
    this.#stopWatching = locks.whenFree(id, callBack);
  }

  /** The tab is gone. */
  end(): void {
    this.#stopWatching();
    this.#onEnd();
  }
}
