import type { SystemSample } from "../../src/generated/agents";

const START = Date.parse("2026-11-25T10:00:00Z");

const QUIET: SystemSample = {
  time: "",
  uptime: 0,
  connections: 0,
  opened: 0,
  closed: 0,
  topics: 0,
  subscriptions: 0,
  lagging: 0,
  queued_bytes: 0,
  published: 0,
  delivered: 0,
  recovered: 0,
  resumed: 0,
  refetched: 0,
  resets: 0,
  gaps: 0,
  duplicates: 0,
  latency_p50: null,
  latency_p99: null,
  loop_lag: 0,
  runs_running: 0,
  runs_queued: 0,
  memory: null,
};

/** The sample of a second of a server that runs since 10:00; what is not given is nothing. */
export function sampleAt(second: number, given: Partial<SystemSample> = {}): SystemSample {
  return { ...QUIET, time: new Date(START + second * 1000).toISOString(), uptime: second, ...given };
}
