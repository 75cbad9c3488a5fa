import { describe, expect, it } from "vitest";
import { pathOf } from "../../src/operations/sparkline";

describe("a trend", () => {
  it("ends at the right edge, and stays inside", () => {
    expect(pathOf([0, 5, 10])).toBe("M117 23.0L118 12.0L119 1.0");
  });

  it("is interrupted where nothing was measured", () => {
    expect(pathOf([1, null, 1])).toBe("M117 1.0M119 1.0");
  });

  it("lies at the bottom where nothing happens, and is empty without values", () => {
    expect(pathOf([0, 0])).toBe("M118 23.0L119 23.0");
    expect(pathOf([])).toBe("");
  });
});
