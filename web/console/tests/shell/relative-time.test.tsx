import { act, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ago, RelativeTime } from "../../src/shell/relative-time";
import { PageServer, show, takeAway } from "../rig/page-rig";

const NOON = Date.parse("2026-05-01T12:00:00Z");

test.each([
  [-5, "just now"],
  [0, "just now"],
  [9, "just now"],
  [10, "10 s ago"],
  [59, "50 s ago"],
  [60, "1 min ago"],
  [3_599, "59 min ago"],
  [3_600, "1 h ago"],
  [86_399, "23 h ago"],
  [86_400, "1 d ago"],
])("%i s before now is “%s”", (seconds, text) => {
  expect(ago(new Date(NOON - seconds * 1000).toISOString(), NOON)).toBe(text);
});

test("long ago is a date", () => {
  expect(ago("2024-01-02T12:00:00Z", NOON)).toContain("2024");
});

beforeEach(() => {
  vi.useFakeTimers({ now: NOON });
});

afterEach(() => {
  takeAway();
  vi.useRealTimers();
});

test("stays true while time passes", () => {
  show(new PageServer(), <RelativeTime time="2026-05-01T12:00:00Z" />);
  expect(screen.getByText("just now").getAttribute("datetime")).toBe("2026-05-01T12:00:00Z");
  act(() => vi.advanceTimersByTime(21_000));
  expect(screen.getByText("20 s ago")).toBeDefined();
  act(() => vi.advanceTimersByTime(60_000));
  expect(screen.getByText("1 min ago")).toBeDefined();
});
