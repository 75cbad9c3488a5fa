import { describe, expect, it } from "vitest";
import type { SystemStatus } from "../../src/generated/agents";
import { NO_HISTORY, reduceHistory, withEarlier } from "../../src/state/system-history";
import { sampleAt } from "./samples";

function statusAt(second: number): SystemStatus {
  const lifetimes = { bounds: [], counts: [0] };
  return { status: "ok", message: "", version: "1", sample: sampleAt(second), lifetimes };
}

function historyOf(...seconds: number[]) {
  return { now: statusAt(seconds.at(-1) ?? 0), samples: seconds.map((second) => sampleAt(second)) };
}

function secondsOf({ samples }: { readonly samples: readonly { readonly uptime: number }[] }): readonly number[] {
  return samples.map(({ uptime }) => uptime);
}

function told(second: number) {
  const event = {
    kind: "event",
    type: "system_status",
    topic: "system:status",
    seq: second,
    id: "",
    time: "",
  } as const;
  return { ...event, data: statusAt(second), subscriptions: [] };
}

describe("what is known of the server", () => {
  it("grows by each second, once", () => {
    const after = [1, 2, 2, 1, 3].reduce((history, second) => reduceHistory(history, told(second)), NO_HISTORY);
    expect(secondsOf(after)).toEqual([1, 2, 3]);
    expect(after.now?.sample.uptime).toBe(3);
  });

  it("goes back ten minutes", () => {
    const all = Array.from({ length: 650 }, (_, second) => second);
    const after = all.reduce((history, second) => reduceHistory(history, told(second)), NO_HISTORY);
    expect(secondsOf(after)).toEqual(all.slice(50));
  });

  it("keeps what was known before a snapshot begins", () => {
    expect(secondsOf(withEarlier(historyOf(8, 9), historyOf(1, 2, 8)))).toEqual([1, 2, 8, 9]);
  });

  it("keeps it for a server that has only begun to measure", () => {
    expect(secondsOf(withEarlier({ now: statusAt(9), samples: [] }, historyOf(1, 2)))).toEqual([1, 2]);
  });

  it("is the same object where nothing was known before", () => {
    const history = historyOf(8, 9);
    expect(withEarlier(history, historyOf(8, 9))).toBe(history);
  });
});
