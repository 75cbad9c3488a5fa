import { expect, expectTypeOf, test } from "vitest";
import type { Update } from "../src/effects.js";
import type { RequestError } from "../src/errors.js";
import type { HandlerReference } from "../src/topic-manager.js";
import { manualLine } from "./rig/manual-line.js";

interface Agent {
  readonly id: number;
}

test("types of events are told apart by their names", async () => {
  const { world, client } = await manualLine();
  const seen: unknown[] = [];
  client.topics.subscribe<{ agent_updated: Agent; agent_deleted: { id: number; version: number } }, Agent>(
    "agent:12",
    (update) => {
      if (update.kind === "event" && update.type === "agent_deleted") {
        expectTypeOf(update.data).toEqualTypeOf<{ id: number; version: number }>();
      }
      if (update.kind === "snapshot") {
        expectTypeOf(update.data).toEqualTypeOf<Agent>();
      }
      seen.push(update.kind === "event" ? update.type : update.kind);
    },
  );
  world.socket.receive({
    type: "agent_state",
    topic: "agent:12",
    epoch: "e1",
    seq: 1,
    data: { id: 12 },
    message_id: "1",
  });
  world.socket.receive({ type: "of_a_later_version", topic: "agent:12", seq: 2, id: "x", time: "now", data: {} });
  expect(seen).toEqual(["snapshot", "of_a_later_version"]);
});

test("a handler that throws keeps nobody else from hearing", async () => {
  const { world, client } = await manualLine();
  const seen: Update[] = [];
  client.topics.subscribe("a:1", () => {
    throw new Error("first");
  });
  client.topics.subscribe("a:1", async () => {
    throw new Error("second");
  });
  client.topics.subscribe("a:1", (update) => seen.push(update));
  world.socket.receive({ type: "subscribed", topic: "a:1", epoch: "e1", seq: 0, message_id: "1" });
  world.socket.receive({ type: "changed", topic: "a:1", seq: 1, id: "x", time: "now", data: {} });
  await Promise.resolve();
  expect(seen).toHaveLength(1);
  expect(world.errors.map(String)).toEqual(["Error: first", "Error: second"]);
});

test("a handler may remove another, which then hears nothing more", async () => {
  const { world, client } = await manualLine();
  const seen: string[] = [];
  let second: HandlerReference;
  client.topics.subscribe("a:1", () => {
    seen.push("first");
    client.topics.unsubscribeHandler(second);
  });
  second = client.topics.subscribe("a:1", () => seen.push("second"));
  world.socket.receive({ type: "subscribed", topic: "a:1", epoch: "e1", seq: 0, message_id: "1" });
  world.socket.receive({ type: "changed", topic: "a:1", seq: 1, id: "x", time: "now", data: {} });
  client.topics.unsubscribeHandler(second);
  expect(seen).toEqual(["first"]);
  expect(client.topics.topics).toEqual(["a:1"]);
});

test("handlers of a topic that is refused are told once, and are gone", async () => {
  const { world, client } = await manualLine();
  const errors: RequestError[] = [];
  const reference = client.topics.subscribe("a:1", () => {}, { onFailure: (error) => errors.push(error) });
  const error = { type: "error", code: "not_found", error: "A 1 not found", topic: "a:1", message_id: "1" };
  world.socket.receive(error);
  world.socket.receive(error);
  client.topics.unsubscribeHandler(reference);
  expect(errors).toMatchObject([{ code: "not_found", message: "A 1 not found" }]);
  expect(world.socket.sent).toHaveLength(1);
});

test("each opening is told before what comes of it", async () => {
  const { world, client } = await manualLine();
  const seen: unknown[] = [];
  client.topics.subscribe("a:1", ({ kind }) => seen.push(kind), {
    since: { epoch: "e1", seq: 4 },
    onOpened: ({ recovered }) => seen.push(recovered),
  });
  world.socket.receive({ type: "resumed", topic: "a:1", epoch: "e1", seq: 5, recovered: 1, message_id: "1" });
  world.socket.receive({ type: "changed", topic: "a:1", seq: 5, id: "x", time: "now", data: {} });
  expect(seen).toEqual([1, "event"]);
});
