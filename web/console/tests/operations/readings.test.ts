import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { columnsOf, gauge, perMinute, rangeOf, since, stepsOf } from "../../src/operations/readings";
import { sampleAt } from "./samples";

const START = Date.parse("2026-11-25T10:00:00Z") / 1000;

describe("columns", () => {
  it("have the time of each sample, and what was read of it", () => {
    const samples = [sampleAt(1, { connections: 3 }), sampleAt(2, { connections: 4, latency_p50: 1.5 })];
    expect(columnsOf(samples, [gauge("connections"), gauge("latency_p50")])).toEqual({
      times: [START + 1, START + 2],
      values: [
        [3, 4],
        [null, 1.5],
      ],
    });
  });

  it("have a row of nothing where samples are missing", () => {
    const samples = [sampleAt(1, { connections: 3 }), sampleAt(12, { connections: 4 })];
    expect(columnsOf(samples, [gauge("connections")])).toEqual({
      times: [START + 1, START + 2, START + 12],
      values: [[3, null, 4]],
    });
  });

  it("have no such row where a sample was a little late", () => {
    expect(columnsOf([sampleAt(1), sampleAt(3.2)], [gauge("connections")]).times).toHaveLength(2);
  });

  it("rise in time, whatever is missing", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(500), { maxLength: 60 }), (seconds) => {
        const samples = seconds.sort((one, other) => one - other).map((second) => sampleAt(second));
        const { times, values } = columnsOf(samples, [gauge("connections"), perMinute("opened")]);
        expect(times.every((time, index) => index === 0 || time > (times[index - 1] ?? 0))).toBe(true);
        expect(values.map((column) => column.length)).toEqual([times.length, times.length]);
      }),
    );
  });
});

describe("how much counters grew in the minute before", () => {
  const read = perMinute("resumed", "refetched");

  it("counts all of them", () => {
    const samples = Array.from({ length: 61 }, (_, second) =>
      sampleAt(second, { resumed: second, refetched: 2 * second }),
    );
    expect(read(samples, 60)).toBe(180);
  });

  it("goes by the minute before, not by all that is known", () => {
    const samples = Array.from({ length: 200 }, (_, second) => sampleAt(second, { resumed: Math.min(second, 100) }));
    expect(read(samples, 199)).toBe(0);
    expect(read(samples, 130)).toBe(30);
  });

  it("tells a rate where less than a minute is known", () => {
    const samples = [sampleAt(0), sampleAt(10, { resumed: 2 })];
    expect(read(samples, 1)).toBe(12);
  });

  it("says nothing after a few seconds", () => {
    expect(read([sampleAt(0), sampleAt(2, { resumed: 2 })], 1)).toBeNull();
    expect(read([], 0)).toBeNull();
  });

  it("begins anew with each life of the server", () => {
    const samples = [
      sampleAt(1, { resumed: 500 }),
      sampleAt(20, { uptime: 1, resumed: 1 }),
      sampleAt(29, { uptime: 10, resumed: 4 }),
    ];
    expect(read(samples, 2)).toBe(20);
  });
});

describe("the rows from a time on", () => {
  const columns = columnsOf([sampleAt(1), sampleAt(2), sampleAt(3)], [gauge("uptime")]);

  it("have one more before it, so that the line reaches the edge", () => {
    expect(since(columns, START + 3)).toEqual({ times: [START + 2, START + 3], values: [[2, 3]] });
  });

  it("are all or none where it lies outside", () => {
    expect(since(columns, START - 60)).toEqual(columns);
    expect(since(columns, START + 60)).toEqual({ times: [], values: [[]] });
  });
});

it("tells the newest, lowest and highest of a column", () => {
  expect(rangeOf([3, null, 7, 1, null])).toEqual({ now: null, least: 1, most: 7 });
  expect(rangeOf([])).toEqual({ now: null, least: null, most: null });
});

it("makes means of steps, the newest first", () => {
  const columns = { times: [START, START + 9, START + 10, START + 11], values: [[2, 4, null, 5] as (number | null)[]] };
  expect(stepsOf(columns, 10)).toEqual([
    { time: START + 10, means: [5] },
    { time: START, means: [3] },
  ]);
});
