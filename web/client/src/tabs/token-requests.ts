import type { Timers } from "../timers.js";
import type { HubTab } from "./hub-tab.js";

/** Seconds for a tab to fetch a token. */
const PATIENCE = 15;

interface Asked {
  readonly tab: HubTab;
  readonly timer: unknown;
  resolve(token: string): void;
  reject(error: Error): void;
}

/** Fetches tokens from tabs: only they have the application's function for it. */
export class TokenRequests {
  readonly #tabs: ReadonlySet<HubTab>;
  readonly #timers: Timers;
  readonly #asked = new Map<number, Asked>();
  #ids = 0;

  constructor(tabs: ReadonlySet<HubTab>, timers: Timers) {
    this.#tabs = tabs;
    this.#timers = timers;
  }

  /** A token of the tab that was heard last; rejects if it has none, so that the line tries again later. */
  fetch(): Promise<string> {
    const tabs = [...this.#tabs].filter(({ hasToken }) => hasToken);
    const tab = tabs.sort((one, other) => other.heardAt - one.heardAt)[0];
    if (!tab) {
      return Promise.reject(new Error("No tab is left that could fetch a token"));
    }
    const id = ++this.#ids;
    return new Promise<string>((resolve, reject) => {
      const timer = this.#timers.set(() => this.#fail(id, "No tab fetched a token in time"), PATIENCE);
      this.#asked.set(id, { tab, timer, resolve, reject });
      tab.post({ kind: "ask-token", id });
    });
  }

  /** What a tab answered. */
  answer({ id, token, error }: { readonly id: number; readonly token?: string; readonly error?: string }): void {
    if (token === undefined) {
      this.#fail(id, error ?? "The tab has no token");
      return;
    }
    this.#take(id)?.resolve(token);
  }

  /** A tab is gone, and answers no more. */
  forget(tab: HubTab): void {
    for (const [id, asked] of [...this.#asked]) {
      asked.tab === tab && this.#fail(id, "The tab that was asked for a token is gone");
    }
  }

  #fail(id: number, sentence: string): void {
    this.#take(id)?.reject(new Error(sentence));
  }

  #take(id: number): Asked | undefined {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    this.#timers.clear(asked?.timer);
    return asked;
  }
}
