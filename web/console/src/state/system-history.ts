import type { EventOf } from "@trunkline/client/state";
import type { SystemEvents, SystemSample, SystemState, SystemStatus } from "../generated/agents";

/** How the server is, and how it was: samples of a second each, oldest first. */
export interface SystemHistory {
  readonly now: SystemStatus | null;
  readonly samples: readonly SystemSample[];
}

export const NO_HISTORY: SystemHistory = { now: null, samples: [] };

/** Samples kept: ten minutes. */
const MOST = 600;

export function historyOf({ now, samples }: SystemState): SystemHistory {
  return { now, samples };
}

/** What is known after an event of `system:status`. A second that is there already changes nothing. */
export function reduceHistory(history: SystemHistory, event: EventOf<SystemEvents>): SystemHistory {
  if (event.type !== "system_status") {
    return history;
  }
  const { sample } = event.data;
  const newest = history.samples.at(-1);
  return newest && newest.time >= sample.time
    ? history
    : { now: event.data, samples: [...history.samples, sample].slice(-MOST) };
}

/** A history with the samples before it that were known already: a snapshot holds less than a page that has been open. */
export function withEarlier(history: SystemHistory, known: SystemHistory): SystemHistory {
  const oldest = history.samples[0];
  const earlier = oldest ? known.samples.filter(({ time }) => time < oldest.time) : known.samples;
  return earlier.length ? { ...history, samples: [...earlier, ...history.samples].slice(-MOST) } : history;
}
