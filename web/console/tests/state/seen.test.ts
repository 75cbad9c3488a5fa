import { afterEach, expect, test } from "vitest";
import type { ThreadActivity } from "../../src/generated/agents";
import { BrowserStorage } from "../../src/state/browser-storage";
import type { Threads } from "../../src/state/entities";
import { countUnread, isUnread, Seen } from "../../src/state/seen";

afterEach(() => localStorage.clear());

function activity(thread_id: number, last_message_id: number, last_role: ThreadActivity["last_role"]): ThreadActivity {
  return { thread_id, messages: 2, last_message_id, last_role, last_run: null };
}

function threads(...all: ThreadActivity[]): Threads {
  return { byId: new Map(), activity: new Map(all.map((one) => [one.thread_id, one])) };
}

test("at the first visit everything was seen; a later answer is unread until it is looked at", () => {
  const seen = new Seen(new BrowserStorage(), () => {});
  seen.begin(threads(activity(1, 10, "assistant")));
  expect(isUnread(activity(1, 10, "assistant"), seen.messages)).toBe(false);
  expect(isUnread(activity(1, 12, "assistant"), seen.messages)).toBe(true);
  seen.look(1, 12);
  expect(isUnread(activity(1, 12, "assistant"), seen.messages)).toBe(false);
});

test("one's own message is not unread", () => {
  expect(isUnread(activity(1, 10, "user"), {})).toBe(false);
  expect(isUnread(undefined, {})).toBe(false);
});

test("looking at an older message takes nothing back", () => {
  const seen = new Seen(new BrowserStorage(), () => {});
  seen.look(1, 12);
  seen.look(1, 3);
  expect(seen.messages).toEqual({ 1: 12 });
});

test("the next page knows what was seen, and begins nothing anew", () => {
  new Seen(new BrowserStorage(), () => {}).look(1, 5);
  const seen = new Seen(new BrowserStorage(), () => {});
  seen.begin(threads(activity(1, 9, "assistant"), activity(2, 8, "assistant")));
  expect(seen.messages).toEqual({ 1: 5 });
  expect(countUnread(threads(activity(1, 9, "assistant"), activity(2, 8, "user")), seen.messages)).toBe(1);
});

test("another tab's looking is taken over", () => {
  const told: unknown[] = [];
  const seen = new Seen(new BrowserStorage(), (messages) => told.push(messages));
  localStorage.setItem("trunkline.seen", '{"4":40}');
  dispatchEvent(new StorageEvent("storage", { key: "trunkline.seen" }));
  expect(seen.messages).toEqual({ 4: 40 });
  expect(told).toEqual([{ 4: 40 }]);
});
