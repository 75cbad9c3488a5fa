import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bucketsOf, countOf, medianOf } from "../../src/operations/lifetimes";

describe("the median lifetime", () => {
  it("lies inside the bucket that holds the middle", () => {
    expect(medianOf({ bounds: [1, 10], counts: [1, 2, 1] })).toEqual({ seconds: 5.5, isAtLeast: false });
  });

  it("is only known from below past the last bound", () => {
    expect(medianOf({ bounds: [1, 10], counts: [0, 1, 5] })).toEqual({ seconds: 10, isAtLeast: true });
  });

  it("is none where no connection has ended", () => {
    expect(medianOf({ bounds: [1, 10], counts: [0, 0, 0] })).toBeNull();
  });

  it("is never outside a bucket that holds something", () => {
    const histogram = fc
      .uniqueArray(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 10 })
      .map((bounds) => bounds.sort((one, other) => one - other))
      .chain((bounds) =>
        fc.record({
          bounds: fc.constant(bounds),
          counts: fc.array(fc.nat(1_000), { minLength: bounds.length + 1, maxLength: bounds.length + 1 }),
        }),
      );
    fc.assert(
      fc.property(histogram, ({ bounds, counts }) => {
        const median = medianOf({ bounds, counts });
        if (countOf({ bounds, counts }) === 0) {
          return expect(median).toBeNull();
        }
        const seconds = median?.seconds ?? -1;
        const holds = counts.some((count, index) => {
          const isInside =
            seconds >= (bounds[index - 1] ?? 0) && seconds <= (bounds[index] ?? Number.POSITIVE_INFINITY);
          return count > 0 && isInside;
        });
        expect(holds).toBe(true);
      }),
    );
  });
});

it("names its buckets, with their shares", () => {
  expect(bucketsOf({ bounds: [1, 60], counts: [1, 2, 1] })).toEqual([
    { name: "up to 1 s", count: 1, share: 0.25 },
    { name: "1 s – 1 min", count: 2, share: 0.5 },
    { name: "over 1 min", count: 1, share: 0.25 },
  ]);
});
