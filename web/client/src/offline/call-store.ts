import type { KeptCall } from "./call-queue.js";

/** Keeps unanswered calls in order, so that they outlive the page. Each method resolves when its change is safe. */
export interface CallStore {
  /** Stores of one name hold the same calls: pages take turns in sending them. Without a name, there is one page. */
  readonly name?: string;
  /** The calls that were kept, in order. */
  load(): Promise<readonly KeptCall[]>;
  /** Keep a call after all others. */
  add(call: KeptCall): Promise<void>;
  /** Forget an answered call. */
  remove(key: string): Promise<void>;
}
