import { type KeptCall, makeCall, type QueuedCall } from "./call-queue.js";

/**
 * The calls of a page in the order of the store that it shares, then those that are not in the store.
 *
 * @param ended keys of answered calls, which may be in the store still.
 * @param fateOf what to do with a call that was in the store and is there no more.
 */
export function mergeCalls(
  kept: readonly KeptCall[],
  known: readonly QueuedCall[],
  ended: ReadonlySet<string>,
  fateOf: (call: QueuedCall) => "keep" | "send" | "drop",
): QueuedCall[] {
  const byKey = new Map(known.map((call) => [call.key, call]));
  const stored = kept
    .filter(({ key }) => !ended.has(key))
    .map((call) => {
      const queued = byKey.get(call.key) ?? makeCall(call);
      queued.isKept = true;
      byKey.delete(call.key);
      return queued;
    });
  const others = [...byKey.values()].filter((call) => {
    const fate = call.isKept ? fateOf(call) : "keep";
    if (fate === "send") {
      call.isKept = false;
      call.state = "pending";
    }
    return fate !== "drop";
  });
  return [...stored, ...others];
}
