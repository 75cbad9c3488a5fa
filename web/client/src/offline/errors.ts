import { TrunklineError } from "../errors.js";

/** The platform has no IndexedDB. */
export class NoIndexedDB extends TrunklineError {
  override name = "NoIndexedDB";

  constructor() {
    super("There is no IndexedDB here: give one as `indexedDB`, or keep calls in memory");
  }
}

/** Too many calls wait for the line; nothing was queued. */
export class CallQueueFull extends TrunklineError {
  override name = "CallQueueFull";

  /** @param bytes of the parameters of the calls that wait. */
  constructor(
    readonly calls: number,
    readonly bytes: number,
  ) {
    super(`${calls} calls of ${bytes} bytes wait for the line already; nothing was queued`);
  }
}
