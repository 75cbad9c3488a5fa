import { expect, test } from "vitest";
import { ServerClock } from "../../src/state/server-clock";

const NOON = Date.UTC(2026, 0, 1, 12);
const HEADER = "Thu, 01 Jan 2026 12:00:00 GMT";

function clockOf(device: number): ServerClock {
  const clock = new ServerClock(() => device);
  clock.hear(HEADER);
  return clock;
}

test("a clock that is right is left alone", () => {
  const clock = clockOf(NOON + 700);
  expect(clock.now()).toBe(NOON + 700);
  expect(clock.trouble).toBeUndefined();
});

test.each([
  [12 * 60_000, "12 min ahead of"],
  [-5 * 60_000, "5 min behind"],
  [26 * 3_600_000, "26 h ahead of"],
])("a clock that is %i ms off is told, and the server's time is used", (off, words) => {
  const clock = clockOf(NOON + off);
  expect(clock.now()).toBe(NOON);
  expect(clock.trouble).toContain(words);
});

test("without the header the device's clock is believed", () => {
  const clock = new ServerClock(() => NOON);
  clock.hear(null);
  expect(clock.now()).toBe(NOON);
});
