import type { LineState } from "../../src/effects.js";

/** Which state may follow which. */
export const LEGAL_STATES: Readonly<Record<LineState, readonly LineState[]>> = {
  idle: ["connecting", "closed"],
  connecting: ["connected", "waiting", "closed"],
  connected: ["waiting", "closed"],
  waiting: ["connecting", "closed"],
  closed: ["connecting"],
};
