import type { LineState, Notice } from "@trunkline/client";

/** A change of the line's state, as the page keeps it to be looked at later. */
export interface LineLogEntry {
  /** Counts the changes of this page. */
  readonly number: number;
  /** In milliseconds, on the clock of `Date.now`. */
  readonly at: number;
  readonly state: LineState;
  /** The close code that led to it, if one did. */
  readonly code: number | undefined;
  readonly reason: string;
  /** Seconds to the next try, while waiting. */
  readonly retryIn: number | undefined;
}

/** Changes kept. */
const MOST = 50;

/** The newest changes, the newest first, after a notice of the line. */
export function reduceLineLog(log: readonly LineLogEntry[], notice: Notice, at: number): readonly LineLogEntry[] {
  if (notice.kind !== "state") {
    return log;
  }
  const { state, code, reason, retryIn } = notice;
  const entry = { number: (log[0]?.number ?? 0) + 1, at, state, code, reason, retryIn };
  return [entry, ...log].slice(0, MOST);
}

/** When the line was lost, or began to be wanted, on the clock of `Date.now`; undefined while it is up. */
export function downSince(log: readonly LineLogEntry[]): number | undefined {
  const lastUp = log.findIndex(({ state }) => state === "connected");
  return (lastUp < 0 ? log.at(-1) : log[lastUp - 1])?.at;
}
