import type { Notice } from "@trunkline/client";
import { describe, expect, it } from "vitest";
import { describeLine, isWorthCounting, whyBehind } from "../../src/shell/line-sentences";
import { FIRST_STATUS, type LineStatus, reduceLineStatus } from "../../src/state/line-status";

const NOW = 1_000_000;
const connecting: Notice = { kind: "state", state: "connecting", reason: "" };
const connected: Notice = { kind: "state", state: "connected", reason: "" };
const lost: Notice = { kind: "state", state: "waiting", code: 1006, reason: "", retryIn: 7.2 };
const recovered = (count: number): Notice => ({
  kind: "opened",
  topic: "thread:1",
  position: { epoch: "e", seq: 9 },
  recovered: count,
});

/** What the page knows after these notices, all at the same time. */
function statusAfter(...notices: Notice[]): LineStatus {
  return notices.reduce((status, notice) => reduceLineStatus(status, notice, NOW), FIRST_STATUS);
}

function said(line: LineStatus, { later = 0, waiting = 0, isOnline = true } = {}) {
  return describeLine(line, NOW + later, waiting, isOnline);
}

describe("what the page says of its line", () => {
  it("connects at first", () => {
    expect(said(FIRST_STATUS)).toMatchObject({ tone: "busy", text: "Connecting…" });
    expect(said(statusAfter(connecting))).toMatchObject({ tone: "busy", text: "Connecting…" });
  });

  it("is live", () => {
    expect(said(statusAfter(connecting, connected))).toMatchObject({ tone: "live", text: "Live" });
  });

  it("counts down to the next try, and says why", () => {
    const line = statusAfter(connecting, connected, lost);
    expect(said(line)).toMatchObject({ tone: "down", text: "Reconnecting in 8 s" });
    expect(said(line, { later: 7_000 }).text).toBe("Reconnecting in 1 s");
    expect(said(line).more).toContain("The connection was cut");
  });

  it("does not count what is over in a moment", () => {
    const soon: Notice = { kind: "state", state: "waiting", code: 1006, reason: "", retryIn: 0.4 };
    expect(said(statusAfter(connected, soon)).text).toBe("Reconnecting…");
    expect(isWorthCounting(statusAfter(connected, soon))).toBe(false);
    expect(isWorthCounting(statusAfter(connected, lost))).toBe(true);
  });

  it("does not claim to reconnect where it never was connected", () => {
    expect(said(statusAfter(connecting, lost))).toMatchObject({ tone: "down", text: "Connecting in 8 s" });
  });

  it("makes sentences of reasons", () => {
    const dead: Notice = { kind: "state", state: "waiting", reason: "this tab was taken for dead", retryIn: 0 };
    expect(said(statusAfter(connected, dead)).more).toMatch(/^This tab was taken for dead\. What you do/);
  });

  it("reconnects once the time has come", () => {
    expect(said(statusAfter(connected, lost), { later: 9_000 }).text).toBe("Reconnecting…");
    expect(said(statusAfter(connected, lost, connecting)).text).toBe("Reconnecting…");
  });

  it("counts the calls that wait", () => {
    expect(said(statusAfter(connected, lost), { waiting: 2 }).text).toBe("Reconnecting in 8 s · 2 waiting");
    expect(said(statusAfter(connected, lost), { waiting: 2, isOnline: false }).text).toBe("Offline · 2 waiting");
    expect(said(statusAfter(connected, lost), { waiting: 1 }).more).toContain("1 message of yours waits here");
  });

  it("is offline while the browser has no network, and says so", () => {
    expect(said(statusAfter(connected, lost), { isOnline: false })).toMatchObject({ tone: "down", text: "Offline" });
    expect(said(statusAfter(connected, lost), { isOnline: false }).more).toContain("network");
  });

  it("tells for a moment what it caught up on", () => {
    const line = statusAfter(connected, lost, connecting, connected, recovered(3), recovered(1));
    expect(said(line).text).toBe("Live · recovered 4 events");
    expect(said(line, { later: 5_999 }).text).toBe("Live · recovered 4 events");
    expect(said(line, { later: 6_000 }).text).toBe("Live");
    expect(said(statusAfter(connected, recovered(1))).text).toBe("Live · recovered 1 event");
    expect(said(statusAfter(connected, recovered(0))).text).toBe("Live");
  });

  it("forgets what it caught up on at the next reconnect", () => {
    expect(said(statusAfter(connected, recovered(3), lost, connecting, connected)).text).toBe("Live");
  });

  it("says why it is closed for good", () => {
    const refused: Notice = { kind: "state", state: "closed", code: 4500, reason: "" };
    expect(said(statusAfter(connected, refused))).toEqual({
      tone: "closed",
      text: "Signed out",
      more: "Your session has ended. Log in again; what you wrote is kept.",
    });
    const broken: Notice = { kind: "state", state: "closed", code: 4502, reason: "" };
    expect(said(statusAfter(connected, broken))).toMatchObject({
      tone: "closed",
      text: "Disconnected",
      more: "This page and the server do not understand each other. Reload the page.",
    });
  });
});

describe("why a page shows nothing new", () => {
  it("waits for the server, as long as the line tries", () => {
    expect(whyBehind(statusAfter(connecting, connected, lost))).toBe("The server cannot be reached.");
  });

  it("does not wait for a server that has ended the session", () => {
    const ended: Notice = { kind: "state", state: "closed", code: 4500, reason: "" };
    expect(whyBehind(statusAfter(connecting, connected, ended))).toContain("Your session has ended.");
  });
});
