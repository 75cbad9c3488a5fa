import type { Params } from "../calls.js";
import { CallQueueFull } from "./errors.js";
import type { CallState } from "./pending-call.js";

/** A call as it is kept: enough to send it again. */
export interface KeptCall {
  /** Idempotency key; the server takes the call once under it. */
  readonly key: string;
  readonly method: string;
  readonly params: Params;
}

/** One call in a queue. */
export interface QueuedCall extends KeptCall {
  /** Bytes it counts against the bound. */
  readonly size: number;
  state: CallState;
  /** Whether it is in the store; undefined until that is known. */
  isKept?: boolean | undefined;
}

/** The bounds of a queue. */
export interface CallQueueBounds {
  /** Calls kept at a time; 1,000 unless given. */
  readonly maxCalls?: number;
  /** Bytes of their parameters; 1 MiB unless given. */
  readonly maxBytes?: number;
}

/** Make a call for a queue, counting its bytes. Throws `TypeError` if the parameters cannot be JSON. */
export function makeCall({ key, method, params }: KeptCall): QueuedCall {
  const size = new TextEncoder().encode(JSON.stringify(params) + method).length;
  return { key, method, params, size, state: "pending" };
}

/**
 * Calls in the order they were made, bounded.
 *
 * They are sent in that order, each once the one before was answered, so that the server takes them in order; after a
 * cut the unanswered one is sent again, first.
 */
export class CallQueue {
  readonly #bounds: Required<CallQueueBounds>;
  #calls = new Map<string, QueuedCall>();
  #size = 0;

  constructor(bounds: CallQueueBounds = {}) {
    this.#bounds = { maxCalls: 1_000, maxBytes: 1024 * 1024, ...bounds };
  }

  /** The calls that are not answered, in order. */
  calls(): QueuedCall[] {
    return [...this.#calls.values()];
  }

  /** The call of this key, if it waits. */
  get(key: string): QueuedCall | undefined {
    return this.#calls.get(key);
  }

  /**
   * Queue a call whose key is not queued.
   *
   * @throws CallQueueFull at a bound; nothing was queued.
   */
  add(call: QueuedCall): void {
    const { maxCalls, maxBytes } = this.#bounds;
    if (this.#calls.size >= maxCalls || this.#size + call.size > maxBytes) {
      throw new CallQueueFull(this.#calls.size, this.#size);
    }
    this.#calls.set(call.key, call);
    this.#size += call.size;
  }

  /** Hold these calls, in this order. Those of other pages were within the bounds there, and are not refused here. */
  replace(calls: readonly QueuedCall[]): void {
    this.#calls = new Map(calls.map((call) => [call.key, call]));
    this.#size = calls.reduce((sum, call) => sum + call.size, 0);
  }

  /** The call to send now, of those that are this page's to send; undefined while one is unanswered or none is left. */
  nextToSend(isOurs: (call: QueuedCall) => boolean = () => true): QueuedCall | undefined {
    for (const call of this.#calls.values()) {
      if (isOurs(call)) {
        return call.state === "pending" ? call : undefined;
      }
    }
    return undefined;
  }

  /** Take a call out whose answer came. */
  answered(call: QueuedCall, state: "confirmed" | "failed"): void {
    if (this.#calls.delete(call.key)) {
      this.#size -= call.size;
    }
    call.state = state;
  }
}
