import { newStats } from "../line-stats.js";
import type { LineFigures } from "./messages.js";

/** The figures of a line that has done nothing yet. */
export const NO_FIGURES: LineFigures = {
  connectedAt: undefined,
  roundTrip: undefined,
  tabs: 0,
  stats: newStats(),
  positions: [],
  learned: { holds: 0 },
};
