import { describe, expect, test } from "vitest";
import { ClientRun } from "./rig/client-run.js";
import { loadVectors, type Step } from "./rig/vectors.js";

const VECTORS = loadVectors();

describe("the client keeps to the vector", () => {
  test.each(VECTORS)("$name", (vector) => {
    new ClientRun(vector).play(vector.steps);
  });
});

test("there are enough", () => {
  expect(VECTORS.length).toBeGreaterThanOrEqual(40);
});

const WRONG: Step[][] = [
  [{ app: { connect: true } }],
  [{ app: { connect: true } }, { state: "connecting" }, { open: true }, { state: "connected" }, { client: {} }],
  [{ app: { connect: true } }, { state: "connecting" }, { positions: { "agent:1": { epoch: "e1", seq: 1 } } }],
  [{ sleep: 1 }],
];

test.each(WRONG)("a client that does otherwise fails %#", (...steps) => {
  expect(() => new ClientRun({ client: {} }).play(steps)).toThrow();
});
