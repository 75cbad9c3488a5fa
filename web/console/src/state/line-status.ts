import type { LineState, Notice, StateChanged } from "@trunkline/client";

/** What the page says of its line. */
export interface LineStatus {
  readonly state: LineState;
  /** The close code that led to it, if one did. */
  readonly code: number | undefined;
  readonly reason: string;
  /** When the next try is, in milliseconds on the clock of `Date.now`, while waiting. */
  readonly retryAt: number | undefined;
  /** When the present state began, on the same clock. */
  readonly since: number;
  /** Whether the line was ever up. */
  readonly wasUp: boolean;
  /** Missed events that came after the newest reconnect. */
  readonly recovered: number;
}

export const FIRST_STATUS: LineStatus = {
  state: "idle",
  code: undefined,
  reason: "",
  retryAt: undefined,
  since: 0,
  wasUp: false,
  recovered: 0,
};

/** What the page says after a notice of the line. */
export function reduceLineStatus(status: LineStatus, notice: Notice, now: number): LineStatus {
  if (notice.kind === "state") {
    return changed(status, notice, now);
  }
  if (notice.kind === "opened" && notice.recovered) {
    return { ...status, recovered: status.recovered + notice.recovered };
  }
  return status;
}

function changed(status: LineStatus, { state, code, reason, retryIn }: StateChanged, now: number): LineStatus {
  const isUp = state === "connected";
  return {
    state,
    code,
    reason,
    retryAt: retryIn === undefined ? undefined : now + retryIn * 1000,
    since: now,
    wasUp: status.wasUp || isUp,
    recovered: isUp ? 0 : status.recovered,
  };
}
