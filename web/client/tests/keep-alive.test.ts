import { expect, test } from "vitest";
import { KeepAlive, type Learned } from "../src/keep-alive.js";

/** Silent lines on a network that forgets them after so many seconds; what was learned after so many pings. */
function simulate(forgetsAfter: number, pings: number, learned?: Learned): KeepAlive {
  const keepAlive = new KeepAlive({}, learned);
  let now = 0;
  keepAlive.opened(now);
  for (let left = pings; left > 0; left--) {
    const silence = keepAlive.interval;
    now += silence;
    expect(keepAlive.tick(now - 0.001)).toBe("nothing");
    expect(keepAlive.tick(now)).toBe("ping");
    if (silence < forgetsAfter) {
      now += 0.1;
      keepAlive.heard(now);
    } else {
      now += 8;
      expect(keepAlive.tick(now)).toBe("dead");
      keepAlive.opened(now);
    }
  }
  return keepAlive;
}

test("the interval grows to the cap where silent lines hold", () => {
  expect(simulate(Number.POSITIVE_INFINITY, 20).interval).toBe(120);
});

test.each([20, 35, 60, 100])(
  "where lines are forgotten after %i s the search ends below, near to it",
  (forgetsAfter) => {
    const { interval, learned } = simulate(forgetsAfter, 60);
    expect(interval).toBeLessThan(forgetsAfter);
    expect(interval).toBeGreaterThanOrEqual(Math.max(10, forgetsAfter * 0.5));
    expect(simulate(forgetsAfter, 1, learned).interval).toBeCloseTo(interval);
  },
);

test("the server's wish limits it", () => {
  const keepAlive = simulate(Number.POSITIVE_INFINITY, 20);
  keepAlive.limit(40);
  expect(keepAlive.interval).toBe(40);
});

test("a line on which something always comes is pinged after one and a half intervals, which proves nothing", () => {
  const keepAlive = new KeepAlive();
  keepAlive.opened(0);
  for (let now = 1; now < 37.5; now++) {
    keepAlive.heard(now);
    expect(keepAlive.tick(now)).toBe("nothing");
  }
  expect(keepAlive.tick(37.5)).toBe("ping");
  keepAlive.heard(38);
  expect(keepAlive.learned).toEqual({ holds: 0 });
});

test("a probe pings once, and its end teaches nothing", () => {
  const keepAlive = new KeepAlive();
  keepAlive.opened(0);
  expect(keepAlive.probe(20)).toBe(true);
  expect(keepAlive.probe(21)).toBe(false);
  expect(keepAlive.deadline()).toBe(28);
  expect(keepAlive.tick(28)).toBe("dead");
  expect(keepAlive.learned).toEqual({ holds: 0 });
});
