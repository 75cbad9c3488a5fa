import type { StateChanged } from "@trunkline/client";
import { describe, expect, it } from "vitest";
import { whyOf } from "../../src/operations/line-log";
import { downSince, type LineLogEntry, reduceLineLog } from "../../src/state/line-log";

const lost: StateChanged = { kind: "state", state: "waiting", code: 1006, reason: "", retryIn: 0.4 };

describe("the log of the line", () => {
  it("has the newest change first", () => {
    const begun = reduceLineLog([], { kind: "state", state: "connecting", reason: "" }, 1_000);
    const log = reduceLineLog(begun, lost, 2_000);
    expect(log.map(({ number, at, state }) => [number, at, state])).toEqual([
      [2, 2_000, "waiting"],
      [1, 1_000, "connecting"],
    ]);
  });

  it("holds fifty, and is the same object after what is no change", () => {
    let log: readonly LineLogEntry[] = [];
    for (let at = 0; at < 60; at += 1) {
      log = reduceLineLog(log, lost, at);
    }
    expect(log).toHaveLength(50);
    expect(log[0]?.number).toBe(60);
    expect(reduceLineLog(log, { kind: "failed", topic: "a:1", code: undefined, sentence: "" }, 60)).toBe(log);
  });
});

describe("since when there is no line", () => {
  const at = (...states: LineLogEntry["state"][]) =>
    states.reduce<readonly LineLogEntry[]>(
      (log, state, index) => reduceLineLog(log, { kind: "state", state, reason: "" }, index),
      [],
    );

  it("is when it was lost, however often it was tried since", () => {
    expect(downSince(at("connecting", "connected", "waiting", "connecting", "waiting"))).toBe(2);
  });

  it("is the beginning where it never was", () => {
    expect(downSince(at("idle", "connecting", "waiting"))).toBe(0);
    expect(downSince([])).toBeUndefined();
  });

  it("is not while it is up", () => {
    expect(downSince(at("connecting", "connected"))).toBeUndefined();
  });
});

describe("why the line changed", () => {
  const entry = { number: 1, at: 0, state: "waiting", code: undefined, reason: "", retryIn: undefined } as const;

  it.each([
    [{ code: 1006, retryIn: 0.4 }, "The connection was cut, or could not be opened. (1006) Next try in 0.4 s."],
    [
      { code: 4001, reason: "Nothing was heard in time" },
      "Nothing was heard in time. Nothing was heard from the server in time. (4001)",
    ],
    [{ code: 4002, reason: "the server is restarting" }, "The server is restarting. (4002)"],
    [{ code: 3999 }, "Closed with a code of its own. (3999)"],
    [{ state: "closed", reason: "closed by the application" }, "Closed by the application."],
    [{ state: "connected" }, ""],
  ] as const)("%o", (given, sentence) => {
    expect(whyOf({ ...entry, ...given })).toBe(sentence);
  });
});
