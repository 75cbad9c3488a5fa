import { expect, it } from "vitest";
import { PLOTS } from "../../src/operations/metrics";
import { summaryOf } from "../../src/operations/plot-figure";
import { columnsOf } from "../../src/operations/readings";
import { sampleAt } from "./samples";

it("says in words what a plot shows", () => {
  const spec = PLOTS.find(({ name }) => name === "Message latency");
  if (!spec) {
    throw new Error("There is no such plot");
  }
  const samples = [sampleAt(1, { latency_p50: 2 }), sampleAt(2, { latency_p50: 1.25 })];
  const columns = columnsOf(
    samples,
    spec.series.map(({ read }) => read),
  );
  expect(summaryOf(spec, columns, 300)).toBe(
    "Message latency over the last 5 minutes. p50: now 1.25 ms, lowest 1.25 ms, highest 2 ms; " +
      "p99: nothing was measured.",
  );
});
