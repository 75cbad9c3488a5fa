import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { duration, textOf } from "../../src/operations/quantities";

describe("what a number is written as", () => {
  it.each([
    [null, "count", "–"],
    [undefined, "bytes", "–"],
    [Number.NaN, "seconds", "–"],
    [0, "count", "0"],
    [9_999, "count", "9,999"],
    [12_345, "count", "12.3 k"],
    [2_000_000, "count", "2 M"],
    [0.25, "per second", "0.25/s"],
    [2_622.4, "per second", "2,622/s"],
    [34.44, "per minute", "34.4/min"],
    [1.314, "milliseconds", "1.31 ms"],
    [999.6, "milliseconds", "1 s"],
    [1_500, "milliseconds", "1.5 s"],
    [0, "bytes", "0 B"],
    [999, "bytes", "999 B"],
    [999.6, "bytes", "1 KB"],
    [96_600, "bytes", "96.6 KB"],
    [118_000_000, "bytes", "118 MB"],
    [2_500_000_000_000_000, "bytes", "2500 TB"],
  ] as const)("%s %s: %s", (value, unit, text) => {
    expect(textOf(value, unit)).toBe(text);
  });

  it.each([
    [0, "0 s"],
    [0.5, "0.5 s"],
    [-1, "0 s"],
    [9.999, "10 s"],
    [59.9, "59 s"],
    [60, "1 min"],
    [216, "3 min 36 s"],
    [3_600, "1 h"],
    [3_960, "1 h 6 min"],
    [86_400, "1 d"],
    [90_000, "1 d 1 h"],
  ])("%d seconds: %s", (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });

  it("is short whatever the number is", () => {
    const units = fc.constantFrom("count", "per second", "per minute", "milliseconds", "bytes", "seconds" as const);
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), units, (value, unit) => {
        expect(textOf(value, unit).length).toBeLessThanOrEqual(12);
      }),
    );
  });
});
