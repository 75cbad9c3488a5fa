import type { Params } from "../../src/calls.js";
import { CallCut, LineClosed } from "../../src/errors.js";
import type { CallOptions, CallResult, Listener } from "../../src/line.js";
import type { KeptCall } from "../../src/offline/call-queue.js";
import type { CallingLine, CallNews, CallPages, CallStore } from "../../src/offline/index.js";
import { OfflineCalls } from "../../src/offline/index.js";
import type { Signal } from "../../src/signals.js";
import { ManualWorld } from "./manual-world.js";

interface Unanswered {
  readonly key: string;
  readonly resolve: (answer: CallResult) => void;
  readonly reject: (error: unknown) => void;
}

/** A line whose other end is the test. A key that was taken is answered as the first time. */
export class CallingEnd implements CallingLine {
  readonly unanswered: Unanswered[] = [];
  #isUp = true;
  #isClosed = false;
  readonly #listeners = new Set<Listener>();
  #waiting: (() => void)[] = [];

  constructor(readonly taken: string[]) {}

  async call<Result>(_method: string, _params?: Params, options?: CallOptions): Promise<CallResult<Result>> {
    const key = options?.key ?? "";
    const answer = new Promise<CallResult>((resolve, reject) => this.unanswered.push({ key, resolve, reject }));
    return answer as Promise<CallResult<Result>>;
  }

  async whenReady(): Promise<void> {
    while (!this.#isUp) {
      if (this.#isClosed) {
        throw new LineClosed(4500, "No valid credentials were given");
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  addListener(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The server takes the oldest call, and answers it unless the answer is lost. */
  take(isAnswered = true): void {
    const call = isAnswered ? this.unanswered.shift() : this.unanswered[0];
    if (call && !this.taken.includes(call.key)) {
      this.taken.push(call.key);
    }
    isAnswered && call?.resolve({ result: this.taken.indexOf(call.key), positions: [] });
  }

  cut(): void {
    this.#isUp = false;
    for (const { reject } of this.unanswered.splice(0)) {
      reject(new CallCut("m"));
    }
    this.#tell("waiting");
  }

  close(): void {
    this.#isClosed = true;
    this.cut();
  }

  connect(): void {
    this.#isUp = true;
    this.#isClosed = false;
    this.#tell("connected");
  }

  #tell(state: "waiting" | "connected"): void {
    for (const resolve of this.#waiting.splice(0)) {
      resolve();
    }
    for (const listener of this.#listeners) {
      listener({ kind: "state", state, reason: "" });
    }
  }
}

/** Pages of one browser that share a store. What one tells the others arrives in its turn. */
export class ManualPages {
  readonly world = new ManualWorld();
  readonly pages: ManualPage[] = [];
  /** What the server has taken, in order. */
  readonly taken: string[] = [];
  kept: KeptCall[] = [];
  /** What storing fails with. */
  failure: unknown;
  /** Who holds the lock, then who waits for it. */
  readonly turns: { readonly page: ManualPage; readonly begin: () => void }[] = [];

  open(): ManualPage {
    const page = new ManualPage(this);
    this.pages.push(page);
    return page;
  }

  /** The store: each use takes a turn of the event loop, as a database does. */
  readonly store: CallStore = {
    name: "calls",
    load: async () => {
      await this.#use();
      return [...this.kept];
    },
    add: async (call) => {
      await this.#use();
      this.kept = [...this.kept.filter(({ key }) => key !== call.key), call];
    },
    remove: async (key) => {
      await this.#use();
      this.kept = this.kept.filter((call) => call.key !== key);
    },
  };

  async #use(): Promise<void> {
    await Promise.resolve();
    if (this.failure) {
      throw this.failure;
    }
  }

  leaveTurn(page: ManualPage): void {
    const [holder] = this.turns;
    const left = this.turns.filter((turn) => turn.page !== page);
    this.turns.splice(0, this.turns.length, ...left);
    const [next] = left;
    if (next && next !== holder) {
      queueMicrotask(() => this.turns[0] === next && next.begin());
    }
  }
}

export class ManualPage {
  isAlive = true;
  readonly line: CallingEnd;
  readonly calls: OfflineCalls;
  #listener: (news: CallNews) => void = () => {};
  #signal: (signal: Signal) => void = () => {};

  constructor(readonly all: ManualPages) {
    this.line = new CallingEnd(all.taken);
    this.calls = new OfflineCalls(this.line, {
      store: this.#whileAlive(),
      pages: this.#pages(),
      timers: all.world.timers,
      onError: (error) => all.world.errors.push(error),
      signals: (listener) => {
        this.#signal = listener;
        return () => {};
      },
    });
  }

  signal(signal: Signal): void {
    this.#signal(signal);
  }

  get states(): string[] {
    return this.calls.pendingCalls.map(({ key, state }) => `${key} ${state}`);
  }

  /** It is gone without a word: nothing that it began goes on. */
  crash(): void {
    this.isAlive = false;
    this.all.pages.splice(this.all.pages.indexOf(this), 1);
    this.all.leaveTurn(this);
  }

  #whileAlive(): CallStore {
    const { store } = this.all;
    const never = new Promise<never>(() => {});
    return {
      name: "calls",
      load: () => (this.isAlive ? store.load() : never),
      add: (call) => (this.isAlive ? store.add(call) : never),
      remove: (key) => (this.isAlive ? store.remove(key) : never),
    };
  }

  #pages(): CallPages {
    return {
      takeTurn: (begin) => {
        const { turns } = this.all;
        turns.push({ page: this, begin });
        turns.length === 1 && queueMicrotask(() => turns[0]?.page === this && begin());
        return () => this.all.leaveTurn(this);
      },
      tell: (news) => {
        const data = structuredClone(news);
        for (const page of this.isAlive ? this.all.pages : []) {
          page !== this && queueMicrotask(() => page.isAlive && page.#listener(data));
        }
      },
      listen: (listener) => {
        this.#listener = listener;
        return () => {
          this.#listener = () => {};
        };
      },
    };
  }
}
