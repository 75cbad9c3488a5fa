import type { Params } from "../calls.js";
import { LineClosed } from "../errors.js";
import type { CallResult } from "../line.js";
import type { QueuedCall } from "./call-queue.js";

/** Where a kept call is: not sent, sent and unanswered, answered, or refused. */
export type CallState = "pending" | "sent" | "confirmed" | "failed";

/** A kept call: it is sent when the line is there, in the order of calls, until it is answered. */
export class PendingCall<Result = unknown> {
  /** Idempotency key. */
  readonly key: string;
  readonly method: string;
  readonly params: Params;
  /**
   * The answer, however long the line is gone. Rejects with `RequestError` if the server refused, and with `LineClosed`
   * if the application closed the keeping of calls before; what is stored is sent by the next page.
   */
  readonly result: Promise<CallResult<Result>>;
  /** Resolves when the call will survive a reload. Rejects if it could not be stored; it is sent all the same. */
  readonly stored: Promise<void>;
  readonly #call: QueuedCall;
  #resolve!: (answer: CallResult<Result>) => void;
  #reject!: (error: unknown) => void;

  /** @param isOwn it was made by this page. */
  constructor(
    call: QueuedCall,
    stored: Promise<void>,
    readonly isOwn: boolean,
  ) {
    this.key = call.key;
    this.method = call.method;
    this.params = call.params;
    this.stored = stored;
    stored.catch(() => {}); // The storage's state tells of a failure too.
    this.#call = call;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.result.catch(() => {}); // The state tells of a failure too; who wants to hear of it waits for the result.
  }

  get state(): CallState {
    return this.#call.state;
  }

  /** The answer came. */
  confirm(answer: CallResult): void {
    this.#resolve(answer as CallResult<Result>);
  }

  /** The server refused. */
  fail(error: unknown): void {
    this.#reject(error);
  }

  /** Nobody waits here any more. */
  close(): void {
    this.#reject(new LineClosed(undefined, `closed before ${this.method} was answered`));
  }
}
