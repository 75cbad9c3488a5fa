import { type CallOutcome, failedOutcome } from "../call-outcome.js";
import type { Params } from "../calls.js";
import { CallCut, LineClosed, RequestError } from "../errors.js";
import type { CallOptions, Line } from "../line.js";
import { randomId } from "../random-id.js";
import { browserSignals, type Signals } from "../signals.js";
import { platformTimers, type Timers } from "../timers.js";
import { CallBook } from "./call-book.js";
import { browserPages, type CallNews, type CallPages } from "./call-pages.js";
import { type CallQueueBounds, makeCall, type QueuedCall } from "./call-queue.js";
import type { CallStore } from "./call-store.js";
import type { PendingCall } from "./pending-call.js";
import type { StorageState } from "./storage-state.js";
import { Turn } from "./turn.js";
import { WatchedStore } from "./watched-store.js";

export interface OfflineCallsOptions {
  /** Where calls outlive the page; in memory alone unless given. */
  readonly store?: CallStore;
  /** How pages that share the store take turns; by Web Locks and a BroadcastChannel unless given. */
  readonly pages?: CallPages | undefined;
  readonly bounds?: CallQueueBounds;
  /** Seconds before a call that was refused for a passing reason is sent again; 1 unless given. */
  readonly retryAfter?: number;
  readonly timers?: Timers;
  readonly signals?: Signals;
  /** Told what the store fails at; the console unless given. */
  readonly onError?: (error: unknown) => void;
}

/** What `OfflineCalls` needs of a line. */
export type CallingLine = Pick<Line, "call" | "whenReady" | "addListener">;

const DEFAULTS = { timers: platformTimers, signals: browserSignals, onError: console.error, retryAfter: 1 };

const PASSING: ReadonlySet<string> = new Set(["rate_limited", "internal"]);

/**
 * Calls that are kept until they are answered: sent when the line is there, one after the other, in the order they were
 * made, each under its key, and again after a cut or a reload.
 *
 * A call takes effect once, if its method sees to it as the protocol says. Pages that share a store have one order: one
 * of them sends at a time, and the others hear where each call is. Where the browser has nothing to take turns by, each
 * sends what it finds, which the keys make harmless.
 */
export class OfflineCalls {
  readonly #line: CallingLine;
  readonly #options: typeof DEFAULTS & OfflineCallsOptions;
  readonly #pages: CallPages | undefined;
  readonly #store: WatchedStore;
  readonly #turn: Turn;
  readonly #book: CallBook;
  readonly #stops: (() => void)[] = [];
  #stopListening: (() => void) | undefined;
  #wake: () => void = () => {};
  #isStale = false;
  #isLoading = false;
  #hasLoaded = false;
  /** Nobody will tell any more how calls ended that are in the store no more. */
  #knowsEnd = false;
  #isClosed = false;

  constructor(line: CallingLine, options: OfflineCallsOptions = {}) {
    this.#line = line;
    this.#options = { ...DEFAULTS, ...options };
    const { store, signals } = this.#options;
    this.#store = new WatchedStore(store, this.#options, () => this.#book.changed());
    this.#pages = "pages" in options || store?.name === undefined ? options.pages : browserPages(store.name);
    this.#turn = new Turn(this.#pages, () => this.#begin());
    this.#book = new CallBook(options.bounds);
    this.#stops.push(line.addListener(({ kind }) => kind === "state" && this.#wake()));
    if (this.#pages) {
      this.#stops.push(signals((signal) => (signal === "suspend" ? this.#stepAside() : this.#comeBack())));
      this.#stops.push(() => this.#stepAside());
      this.#stopListening = this.#pages.listen((news) => this.#hear(news));
    }
    this.#run().catch(this.#options.onError);
  }

  /** The calls that are not answered, in order, those of other pages among them; another array after each change. */
  get pendingCalls(): readonly PendingCall[] {
    return this.#book.pendingCalls;
  }

  /** Whether calls outlive the page, and if not, a sentence for people that says why; `subscribe` tells of changes. */
  get storage(): StorageState {
    return this.#store.state;
  }

  /** Call back after each change of `pendingCalls`, of a call's state or of `storage`; returns what ends it. */
  subscribe(listener: () => void): () => void {
    return this.#book.subscribe(listener);
  }

  /**
   * Keep a call until it is answered. A key that waits already is the same call; a new one is made unless given.
   *
   * @throws CallQueueFull if 1,000 calls or 1 MiB wait already; nothing was queued.
   */
  enqueue<Result>(method: string, params: Params = {}, options: CallOptions = {}): PendingCall<Result> {
    const call = makeCall({ key: options.key ?? randomId(), method, params });
    const pending = this.#book.pending(call.key) ?? this.#book.add(call, () => this.#keep(call));
    this.#wake();
    return pending as PendingCall<Result>;
  }

  /** Send nothing more. Who waits for a result is told; what is stored is sent by another page, or the next. */
  close(): void {
    this.#isClosed = true;
    for (const stop of this.#stops) {
      stop();
    }
    this.#book.close();
    this.#wake();
  }

  // The store

  async #keep(call: QueuedCall): Promise<void> {
    try {
      call.isKept = await this.#store.add(call);
      this.#pages && this.#refresh();
      this.#pages?.tell({ kind: "added" });
    } catch (error) {
      call.isKept = false;
      throw error;
    } finally {
      this.#wake();
    }
  }

  /** The store holds something else: take it up, and send nothing before that. */
  #refresh(): void {
    this.#isStale = true;
    this.#isLoading || this.#loadAll().catch(this.#options.onError);
  }

  async #loadAll(): Promise<void> {
    this.#isLoading = true;
    try {
      while (this.#isStale) {
        this.#isStale = false;
        await this.#load();
      }
    } finally {
      this.#isLoading = false;
      this.#turn.isOurs || this.#pages?.tell({ kind: "loaded", isFirst: !this.#hasLoaded });
      this.#hasLoaded = true;
      this.#wake();
    }
  }

  /** Take up what is in the store, in its order: what earlier pages left there, and what others add. */
  async #load(): Promise<void> {
    const knowsEnd = this.#knowsEnd;
    this.#knowsEnd = this.#turn.isOurs;
    const kept = await this.#store.load();
    if (kept) {
      this.#book.take(kept, knowsEnd);
    }
  }

  // Pages

  /** A page that is put away must not keep the others from sending, and stays in the back/forward cache if it is deaf. */
  #stepAside(): void {
    this.#stopListening?.();
    this.#stopListening = undefined;
    this.#turn.release();
  }

  #comeBack(): void {
    if (this.#pages && !this.#stopListening) {
      this.#stopListening = this.#pages.listen((news) => this.#hear(news));
      this.#knowsEnd = true; // What was told meanwhile was not heard.
      this.#refresh();
      this.#turn.request();
    }
  }

  /** It is this page's turn. What the page before it sent and was not answered is sent again, under its key. */
  #begin(): void {
    this.#book.forgetSent();
    this.#knowsEnd = true;
    this.#pages?.tell({ kind: "turn" });
    this.#refresh();
  }

  #hear(news: CallNews): void {
    if (news.kind === "added" || news.kind === "turn") {
      this.#knowsEnd ||= news.kind === "turn";
      this.#refresh();
    } else if (news.kind === "loaded") {
      this.#turn.isOurs && news.isFirst && this.#refresh();
      for (const { key, state } of this.#turn.isOurs ? this.#book.pendingCalls : []) {
        state === "sent" && this.#pages?.tell({ kind: "state", key, state });
      }
    } else if (news.kind === "ended") {
      this.#book.end(news.key, news.outcome, true);
    } else if (!this.#turn.isOurs) {
      this.#book.show(news.key, news.state);
    }
  }

  #isOurs(call: QueuedCall): boolean {
    if (!this.#pages || call.isKept === false) {
      return true;
    }
    return this.#turn.isOurs && call.isKept === true;
  }

  // Sending

  async #run(): Promise<void> {
    this.#refresh();
    this.#turn.request();
    while (!this.#isClosed) {
      const call = this.#next();
      if (call) {
        await this.#send(call);
      } else {
        await this.#woken();
      }
    }
  }

  #next(): QueuedCall | undefined {
    const isHeld = this.#isClosed || this.#isLoading;
    return isHeld ? undefined : this.#book.nextToSend((call) => this.#isOurs(call));
  }

  /** Resolves when something has changed: a call was made, the line's state is another one, or all is closed. */
  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  async #send(call: QueuedCall): Promise<void> {
    const { method, params, key } = call;
    try {
      await this.#line.whenReady();
      if (this.#next() !== call) {
        return; // Another one has come before it, or it is not this page's turn any more.
      }
      this.#move(call, "sent");
      const answer = await this.#line.call(method, params, { key });
      await this.#end(call, { kind: "answer", answer });
    } catch (error) {
      await this.#failed(call, error);
    }
  }

  /** Send again what may not have reached the server, or was not taken; anything else is the answer. */
  async #failed(call: QueuedCall, error: unknown): Promise<void> {
    if (error instanceof CallCut) {
      this.#move(call, "pending");
    } else if (error instanceof LineClosed) {
      this.#move(call, "pending");
      this.#turn.release(); // Another page may have a line.
      await this.#woken(); // Until the application starts the line again.
      this.#stopListening && this.#turn.request();
    } else if (error instanceof RequestError && error.isRefusal && PASSING.has(error.code)) {
      this.#move(call, "pending");
      await new Promise<void>((resolve) => this.#options.timers.set(resolve, this.#options.retryAfter));
    } else {
      await this.#end(call, failedOutcome(error));
    }
  }

  #move(call: QueuedCall, state: "pending" | "sent"): void {
    this.#book.show(call.key, state);
    call.isKept && this.#pages?.tell({ kind: "state", key: call.key, state });
  }

  /** A call is answered: tell who waits here, then the other pages, once it is out of the store. */
  async #end(call: QueuedCall, outcome: CallOutcome): Promise<void> {
    const removed = this.#store.remove(call.key);
    this.#book.end(call.key, outcome, !!this.#pages);
    if (this.#pages) {
      await removed;
      this.#pages.tell({ kind: "ended", key: call.key, outcome });
    }
  }
}
