import { type CallOutcome, takeOutcome } from "../call-outcome.js";
import { CallQueue, type CallQueueBounds, type KeptCall, type QueuedCall } from "./call-queue.js";
import { mergeCalls } from "./merge-calls.js";
import { PendingCall } from "./pending-call.js";

/** The calls that a page knows of: in which order, where each is, and who waits for it. */
export class CallBook {
  readonly #queue: CallQueue;
  readonly #pending = new Map<string, PendingCall>();
  /** Answered, and perhaps in the store still. */
  #ended = new Set<string>();
  readonly #listeners = new Set<() => void>();
  #pendingCalls: readonly PendingCall[] = [];

  constructor(bounds: CallQueueBounds | undefined) {
    this.#queue = new CallQueue(bounds);
  }

  /** The calls that are not answered, in order; another array after each change. */
  get pendingCalls(): readonly PendingCall[] {
    return this.#pendingCalls;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tell that something is another way now. */
  changed(): void {
    this.#pendingCalls = this.#queue.calls().flatMap(({ key }) => this.#pending.get(key) ?? []);
    for (const listener of this.#listeners) {
      listener();
    }
  }

  pending(key: string): PendingCall | undefined {
    return this.#pending.get(key);
  }

  /** Add a call of this page, then keep it. Throws `CallQueueFull` at a bound; nothing was added or kept. */
  add(call: QueuedCall, keep: () => Promise<void>): PendingCall {
    this.#queue.add(call);
    const pending = new PendingCall(call, keep(), true);
    this.#pending.set(call.key, pending);
    this.changed();
    return pending;
  }

  /**
   * Take up what is in the store, in its order: what earlier pages left there, and what others add.
   *
   * @param knowsEnd a call that is in the store no more was answered to a page that died before it told. If it was made
   *   here, it is sent again, and its key brings the same answer.
   */
  take(kept: readonly KeptCall[], knowsEnd: boolean): void {
    const lost = ({ key }: QueuedCall) => (this.#pending.get(key)?.isOwn ? "send" : "drop");
    const calls = mergeCalls(kept, this.#queue.calls(), this.#ended, (call) => (knowsEnd ? lost(call) : "keep"));
    const stored = new Set(kept.map(({ key }) => key));
    this.#ended = new Set([...this.#ended].filter((key) => stored.has(key)));
    this.#queue.replace(calls);
    const known = new Map(this.#pending);
    this.#pending.clear();
    for (const call of calls) {
      this.#pending.set(call.key, known.get(call.key) ?? new PendingCall(call, Promise.resolve(), false));
    }
    this.changed();
  }

  /** The call to send now, of those that are this page's to send. */
  nextToSend(isOurs: (call: QueuedCall) => boolean): QueuedCall | undefined {
    return this.#queue.nextToSend(isOurs);
  }

  /** A call has come further, or fallen back. */
  show(key: string, state: "pending" | "sent"): void {
    const call = this.#queue.get(key);
    if (call && call.state !== state) {
      call.state = state;
      this.changed();
    }
  }

  /** What another page sent and is not answered is to be sent again. */
  forgetSent(): void {
    for (const call of this.#queue.calls()) {
      if (call.isKept && call.state === "sent") {
        call.state = "pending";
      }
    }
    this.changed();
  }

  /** A call is answered; `isStored` where it may be seen in the store still. */
  end(key: string, outcome: CallOutcome, isStored: boolean): void {
    if (isStored) {
      this.#ended.add(key);
    }
    const call = this.#queue.get(key);
    if (!call) {
      return;
    }
    this.#queue.answered(call, outcome.kind === "answer" ? "confirmed" : "failed");
    const pending = this.#pending.get(key);
    this.#pending.delete(key);
    try {
      pending?.confirm(takeOutcome(outcome, call.method));
    } catch (error) {
      pending?.fail(error);
    }
    this.changed();
  }

  /** Tell who waits that nothing more will come. */
  close(): void {
    for (const pending of this.#pending.values()) {
      pending.close();
    }
  }
}
