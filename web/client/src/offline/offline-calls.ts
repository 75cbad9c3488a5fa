import type { Params } from "../calls.js";
import { CallCut, LineClosed, RequestError } from "../errors.js";
import type { CallOptions, Line } from "../line.js";
import { platformTimers, type Timers } from "../timers.js";
import { CallQueue, type CallQueueBounds, type KeptCall, makeCall, type QueuedCall } from "./call-queue.js";
import { PendingCall } from "./pending-call.js";

/** Keeps unanswered calls in order, so that they outlive the page. Each method resolves when its change is safe. */
export interface CallStore {
  /** The calls that were kept, in order. */
  load(): Promise<readonly KeptCall[]>;
  /** Keep a call after all others. */
  add(call: KeptCall): Promise<void>;
  /** Forget an answered call. */
  remove(key: string): Promise<void>;
}

export interface OfflineCallsOptions {
  /** Where calls outlive the page; in memory alone unless given. */
  readonly store?: CallStore;
  readonly bounds?: CallQueueBounds;
  /** Seconds before a call that was refused for a passing reason is sent again; 1 unless given. */
  readonly retryAfter?: number;
  readonly timers?: Timers;
  /** Told what the store fails at; the console unless given. */
  readonly onError?: (error: unknown) => void;
}

/** What `OfflineCalls` needs of a line. */
export type CallingLine = Pick<Line, "call" | "whenReady" | "addListener">;

const PASSING: ReadonlySet<string> = new Set(["rate_limited", "internal"]);

/**
 * Calls that are kept until they are answered: sent when the line is there, one after the other, in the order they were
 * made, each under its key, and again after a cut or a reload.
 *
 * A call takes effect once, if its method sees to it as the protocol says. With a store, one page at a time: two pages
 * that share one send the same calls, which the keys make harmless, in an order of their own.
 */
export class OfflineCalls {
  readonly #line: CallingLine;
  readonly #options: Required<Omit<OfflineCallsOptions, "store" | "bounds">> & OfflineCallsOptions;
  readonly #queue: CallQueue;
  readonly #pending = new Map<string, PendingCall>();
  readonly #listeners = new Set<() => void>();
  readonly #stopListening: () => void;
  #pendingCalls: readonly PendingCall[] = [];
  #wake: () => void = () => {};
  #isClosed = false;

  constructor(line: CallingLine, options: OfflineCallsOptions = {}) {
    this.#line = line;
    this.#options = { timers: platformTimers, onError: console.error, retryAfter: 1, ...options };
    this.#queue = new CallQueue(options.bounds);
    this.#stopListening = line.addListener(({ kind }) => kind === "state" && this.#wake());
    this.#run().catch(this.#options.onError);
  }

  /** The calls that are not answered, in order; another array after each change. */
  get pendingCalls(): readonly PendingCall[] {
    return this.#pendingCalls;
  }

  /** Call back after each change of `pendingCalls` or of a call's state; returns what ends it. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Keep a call until it is answered. A key that waits already is the same call; a new one is made unless given.
   *
   * @throws CallQueueFull if 1,000 calls or 1 MiB wait already; nothing was queued.
   */
  enqueue<Result>(method: string, params: Params = {}, options: CallOptions = {}): PendingCall<Result> {
    const call = makeCall({ key: options.key ?? crypto.randomUUID(), method, params });
    const known = this.#pending.get(call.key);
    if (known) {
      return known as PendingCall<Result>;
    }
    this.#queue.add(call);
    const stored = this.#options.store?.add({ key: call.key, method, params }) ?? Promise.resolve();
    stored.catch(this.#options.onError);
    const pending = new PendingCall<Result>(call, stored);
    this.#pending.set(call.key, pending as PendingCall);
    this.#changed();
    this.#wake();
    return pending;
  }

  /** Send nothing more. Who waits for a result is told; what is stored is sent by the next page. */
  close(): void {
    this.#isClosed = true;
    this.#stopListening();
    for (const pending of this.#pending.values()) {
      pending.close();
    }
    this.#wake();
  }

  #changed(): void {
    this.#pendingCalls = [...this.#pending.values()];
    for (const listener of this.#listeners) {
      listener();
    }
  }

  async #run(): Promise<void> {
    await this.#load();
    while (!this.#isClosed) {
      const call = this.#queue.nextToSend();
      if (call) {
        await this.#send(call);
      } else {
        await this.#woken();
      }
    }
  }

  /** Resolves when something has changed: a call was made, the line's state is another one, or all is closed. */
  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Take up what an earlier page left, before anything is sent. */
  async #load(): Promise<void> {
    let kept: readonly KeptCall[] = [];
    try {
      kept = (await this.#options.store?.load()) ?? [];
    } catch (error) {
      this.#options.onError(error);
    }
    const calls = kept.filter(({ key }) => !this.#queue.has(key)).map(makeCall);
    this.#queue.restore(calls);
    const made = [...this.#pending.values()];
    this.#pending.clear();
    for (const pending of [...calls.map((call) => new PendingCall(call, Promise.resolve())), ...made]) {
      this.#pending.set(pending.key, pending);
    }
    this.#changed();
  }

  async #send(call: QueuedCall): Promise<void> {
    const { method, params, key } = call;
    try {
      await this.#line.whenReady();
      if (this.#isClosed) {
        return;
      }
      this.#become(call, "sent");
      const answer = await this.#line.call(method, params, { key });
      this.#end(call, "confirmed", (pending) => pending.confirm(answer));
    } catch (error) {
      await this.#failed(call, error);
    }
  }

  /** Send again what may not have reached the server, or was not taken; anything else is the answer. */
  async #failed(call: QueuedCall, error: unknown): Promise<void> {
    if (error instanceof CallCut) {
      this.#become(call, "pending");
    } else if (error instanceof LineClosed) {
      this.#become(call, "pending");
      await this.#woken(); // Until the application starts the line again.
    } else if (error instanceof RequestError && error.isRefusal && PASSING.has(error.code)) {
      this.#become(call, "pending");
      await new Promise<void>((resolve) => this.#options.timers.set(resolve, this.#options.retryAfter));
    } else {
      this.#end(call, "failed", (pending) => pending.fail(error));
    }
  }

  #become(call: QueuedCall, state: "pending" | "sent"): void {
    call.state = state;
    this.#changed();
  }

  #end(call: QueuedCall, state: "confirmed" | "failed", tell: (pending: PendingCall) => void): void {
    this.#queue.answered(call, state);
    const pending = this.#pending.get(call.key);
    this.#pending.delete(call.key);
    this.#options.store?.remove(call.key).catch(this.#options.onError);
    if (pending) {
      tell(pending);
    }
    this.#changed();
  }
}
