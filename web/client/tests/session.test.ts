import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ClientSession } from "../src/client-session.js";
import { CLOSE_SENTENCES, ERROR_CODES, mayReconnect } from "../src/generated/codes.js";

function connected(): ClientSession {
  const session = new ClientSession();
  session.start();
  session.opened(0);
  return session;
}

describe("what a server must not send", () => {
  test.each([
    "",
    "no JSON",
    "null",
    "7",
    '{"type": "resumed", "topic": "a:1", "epoch": "e1", "seq": 1}',
    '{"type": "goaway", "reason": "none"}',
    '{"type": "connected", "ping_interval": 20}',
    '{"type": "connected", "ping_interval": "20", "limits": {"max_message_bytes": 1}}',
    '{"type": "changed", "id": "1", "topic": "a:1", "seq": "1"}',
    '{"type": "changed", "id": "1", "topic": 7, "seq": 1}',
    '{"type": "changed", "id": "1", "topic": "a:1", "seq": 1, "feed_seq": "x"}',
  ])("is not taken: %s", (text) => {
    const session = connected();
    session.subscriptions.subscribe("a:1");
    expect(() => session.receive(text, 0)).toThrow();
  });

  test.each([
    '{"type": "state", "topic": "a:1", "epoch": 7, "seq": 1, "data": 1, "message_id": "1"}',
    '{"type": "state", "topic": "a:1", "epoch": "e1", "seq": "1", "data": 1, "message_id": "1"}',
    '{"type": "subscribed", "topic": "a:1", "epoch": "e1", "message_id": "1"}',
  ])("is no answer: %s", (text) => {
    const session = connected();
    session.subscriptions.subscribe("a:1");
    expect(() => session.receive(text, 0)).toThrow("Unreadable message");
    expect(session.subscriptions.positions()).toEqual(new Map());
  });
});

test.each(["[]", "{}", '{"type": "later", "epoch": null, "id": null}', '{"type": "constructor"}'])(
  "what this version does not know is nothing: %s",
  (text) => {
    expect(connected().receive(text, 0)).toEqual([]);
  },
);

test("an error code of a later version fails the request, and says why", () => {
  const session = connected();
  session.subscriptions.subscribe("tea:1");
  const text =
    '{"type": "error", "code": "out_of_tea", "error": "There is no tea", "topic": "tea:1", "message_id": "1"}';
  expect(session.receive(text, 0)).toEqual([
    { kind: "failed", topic: "tea:1", code: "out_of_tea", sentence: "There is no tea" },
  ]);
});

test.each(["", "agent", "agent:", ":1", "Agent:1", "agent:1 2", "agent:*x", "agent:ü", `${"a".repeat(65)}:1`, "a:1\n"])(
  "%j is no topic",
  (topic) => {
    expect(() => connected().subscriptions.subscribe(topic)).toThrow("Invalid topic format");
  },
);

test("the tables are those of the schema", () => {
  const schema = JSON.parse(readFileSync(new URL("../../../spec/schema.json", import.meta.url), "utf-8"));
  expect([...ERROR_CODES].sort()).toEqual(schema.errorCodes);
  for (const { code, reconnect, sentence } of schema.closeCodes) {
    expect(mayReconnect(code)).toBe(reconnect);
    expect(CLOSE_SENTENCES[code]).toBe(sentence);
  }
});
