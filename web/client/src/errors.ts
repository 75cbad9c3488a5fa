import type { ErrorCode } from "./generated/codes.js";

/** Root of everything that this package throws on purpose. */
export class TrunklineError extends Error {
  override name = "TrunklineError";
}

/** A request failed; the connection stays. */
export class RequestError extends TrunklineError {
  override name = "RequestError";

  /**
   * @param code why, for programs.
   * @param details anything more the server told.
   * @param isRefusal the message was refused as it came, and nothing was done; later it may be taken.
   */
  constructor(
    sentence: string,
    readonly code: ErrorCode,
    readonly details?: unknown,
    readonly isRefusal = false,
  ) {
    super(sentence);
  }
}

/** The line was cut while a call without a key was unanswered: it may or may not have taken effect. */
export class CallCut extends TrunklineError {
  override name = "CallCut";

  constructor(readonly method: string) {
    super(`Cut before ${method} was answered; it may have taken effect`);
  }
}

/** The line is closed for good, or was closed by the application (`code` is undefined then). */
export class LineClosed extends TrunklineError {
  override name = "LineClosed";

  constructor(
    readonly code: number | undefined,
    readonly reason: string,
  ) {
    super(`The line is closed: ${reason}`);
  }
}
