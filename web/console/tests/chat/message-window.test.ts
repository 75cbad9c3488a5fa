import fc from "fast-check";
import { expect, test } from "vitest";
import { STEP, windowStart } from "../../src/chat/message-window";
import { joinMessages } from "../../src/chat/use-older-messages";
import { aMessage, aThread } from "../rig/things";

const thread = aThread(1, 1);
const messages = (...ids: number[]) => ids.map((id) => aMessage(id, thread, ""));

test("the newest messages are shown first; what is shown stays as others come", () => {
  const all = messages(...Array.from({ length: 200 }, (_, place) => place + 1));
  expect(windowStart(all, undefined)).toBe(200 - STEP);
  expect(windowStart([...all, ...messages(201)], 141)).toBe(140);
});

test("where everything that was shown is gone, the newest are shown", () => {
  expect(windowStart(messages(1, 2), 50)).toBe(0);
  expect(windowStart([], 50)).toBe(0);
});

test("older messages and held ones join in order, without a double, and a cut takes the older ones along", () => {
  const ids = fc.uniqueArray(fc.integer({ min: 1, max: 40 }));
  const property = fc.property(
    ids,
    fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
    (older, held) => {
      const sorted = held.sort((a, b) => a - b);
      const joined = joinMessages(messages(...older), messages(...sorted)).map(({ id }) => id);
      const before = older.filter((id) => id < (sorted[0] ?? 0)).sort((a, b) => a - b);
      expect(joined).toEqual([...before, ...sorted]);
    },
  );
  fc.assert(property);
});

test("without older messages the list is the very same", () => {
  const held = messages(4, 5);
  expect(joinMessages([], held)).toBe(held);
});
