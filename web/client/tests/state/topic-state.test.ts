import { IDBFactory } from "fake-indexeddb";
import { beforeEach, describe, expect, test } from "vitest";
import type { ClientLine } from "../../src/client-line.js";
import { IndexedStore } from "../../src/offline/index.js";
import { type TopicOptions, TopicState } from "../../src/state/index.js";
import type { WsClient } from "../../src/ws-client.js";
import { manualLine } from "../rig/manual-line.js";
import type { ManualWorld } from "../rig/manual-world.js";

type Events = { counted: number };
type Options = Partial<TopicOptions<number[], Events, number[]>>;

let world: ManualWorld;
let client: ClientLine<WsClient>;

beforeEach(async () => {
  ({ world, client } = await manualLine());
});

function counting(options: Options = {}, topic = "count:1"): TopicState<number[], Events, number[]> {
  return new TopicState(client, topic, {
    initial: [],
    reduce: (data, event) => [...data, event.data],
    timers: world.timers,
    onError: (error) => world.errors.push(error),
    ...options,
  });
}

const lastId = () => world.socket.sent.filter(({ type }) => type === "subscribe").at(-1)?.["message_id"];

function snapshot(data: number[], seq: number): void {
  world.socket.receive({ type: "state", topic: "count:1", epoch: "e1", seq, data, message_id: lastId() });
}

function event(seq: number, data = seq): void {
  world.socket.receive({ type: "counted", topic: "count:1", seq, id: `event ${seq}`, time: "now", data });
}

test("holds the snapshot and what events make of it", async () => {
  const state = counting();
  expect(state.getSnapshot()).toEqual({ data: [], status: "loading" });
  state.subscribe(() => {});
  snapshot([1], 1);
  event(2);
  await world.advance(1);
  expect(state.getSnapshot()).toMatchObject({ data: [1, 2], status: "live" });
  expect(state.getSnapshot()).toBe(state.getSnapshot());
});

test("nothing counts as live before its snapshot is there", () => {
  const state = counting();
  const told: unknown[] = [];
  state.subscribe(() => told.push(state.getSnapshot()));
  snapshot([1], 1);
  expect(told).toEqual([{ data: [1], status: "live", error: undefined }]);
});

test("the first change is told at once, and many are told once a frame", async () => {
  const state = counting();
  let told = 0;
  state.subscribe(() => {
    told += 1;
  });
  snapshot([], 0);
  expect(told).toBe(1);
  for (let seq = 1; seq <= 1000; seq++) {
    event(seq);
  }
  expect(told).toBe(1);
  await world.advance(1 / 60);
  expect(told).toBe(2);
  expect(state.getSnapshot().data).toHaveLength(1000);
  await world.advance(1);
  event(1001);
  expect(told).toBe(3);
});

test("without a line it is stale, and live again when the line is back", async () => {
  const state = counting();
  state.subscribe(() => {});
  snapshot([1], 1);
  world.socket.end();
  await world.advance(0.1);
  expect(state.getSnapshot()).toMatchObject({ data: [1], status: "stale" });
  await world.advance(1);
  world.socket.open();
  world.socket.receive({ type: "resumed", topic: "count:1", epoch: "e1", seq: 2, recovered: 1, message_id: lastId() });
  event(2);
  await world.advance(1);
  expect(state.getSnapshot()).toMatchObject({ data: [1, 2], status: "live" });
});

test("a broken stream is stale until its fresh start, and says what is left", async () => {
  const state = counting({ onReset: (data) => [...data, -1] });
  state.subscribe(() => {});
  snapshot([1], 1);
  world.socket.receive({ type: "reset", topic: "count:1", reason: "slow" });
  await world.advance(1);
  expect(state.getSnapshot()).toMatchObject({ data: [1, -1], status: "stale" });
});

test("a topic that is refused or revoked drops what it held", async () => {
  const state = counting();
  state.subscribe(() => {});
  snapshot([1], 1);
  world.socket.receive({ type: "revoked", topic: "count:1", reason: "It was taken from you" });
  await world.advance(1);
  expect(state.getSnapshot()).toMatchObject({
    data: [],
    status: "failed",
    error: { message: "It was taken from you" },
  });
});

test("who leaves and comes at once costs nothing, who comes later resumes", async () => {
  const state = counting();
  state.subscribe(() => {})();
  const stop = state.subscribe(() => {});
  await world.advance(0);
  expect(world.socket.sent).toHaveLength(1);
  snapshot([1], 1);
  stop();
  await world.advance(0);
  expect(world.socket.sent.at(-1)).toMatchObject({ type: "unsubscribe" });
  state.subscribe(() => {});
  expect(world.socket.sent.at(-1)).toMatchObject({ topics: [{ topic: "count:1", since: { epoch: "e1", seq: 1 } }] });
});

test("functions that throw are told of, and the stream goes on", async () => {
  const state = counting({
    reduce: (data, { data: count }) => {
      if (count === 2) {
        throw new Error("not two");
      }
      return [...data, count];
    },
  });
  state.subscribe(() => {});
  snapshot([], 1);
  event(2);
  event(3);
  await world.advance(1);
  expect(state.getSnapshot().data).toEqual([3]);
  expect(world.errors.map(String)).toEqual(["Error: not two"]);
});

test("fromSnapshot makes data of another shape", async () => {
  const state = new TopicState<string, Events, number[]>(client, "count:1", {
    initial: "",
    fromSnapshot: (counts) => counts.join("-"),
    timers: world.timers,
  });
  state.subscribe(() => {});
  snapshot([1, 2], 2);
  await world.advance(1);
  expect(state.getSnapshot().data).toBe("1-2");
});

describe("with a keeper", () => {
  test("the next page shows what was held, and resumes from its position", async () => {
    const keeper = new IndexedStore({ indexedDB: new IDBFactory() });
    counting({ keeper }).subscribe(() => {});
    await expect.poll(lastId).toBeDefined();
    snapshot([1], 1);
    event(2);
    await world.advance(1);
    await expect
      .poll(() => keeper.loadTopic("count:1"))
      .toMatchObject({ position: { epoch: "e1", seq: 2 }, data: [1, 2] });

    ({ world, client } = await manualLine());
    const state = counting({ keeper });
    state.subscribe(() => {});
    await expect.poll(lastId).toBeDefined();
    expect(state.getSnapshot()).toMatchObject({ data: [1, 2], status: "stale" });
    expect(world.socket.sent).toMatchObject([{ topics: [{ topic: "count:1", since: { epoch: "e1", seq: 2 } }] }]);
    world.socket.receive({
      type: "resumed",
      topic: "count:1",
      epoch: "e1",
      seq: 3,
      recovered: 1,
      message_id: lastId(),
    });
    event(3);
    await world.advance(1);
    expect(state.getSnapshot()).toMatchObject({ data: [1, 2, 3], status: "live" });
  });

  test("a topic that others have already, further on, is a stream that broke", async () => {
    const keeper = new IndexedStore({ indexedDB: new IDBFactory() });
    await keeper.saveTopic({ topic: "count:1", position: { epoch: "e1", seq: 2 }, data: [1, 2] });
    client.topics.subscribe("count:1", () => {});
    world.socket.receive({ type: "subscribed", topic: "count:1", epoch: "e1", seq: 5, message_id: lastId() });
    const state = counting({ keeper, onReset: () => [] });
    state.subscribe(() => {});
    await expect.poll(() => state.getSnapshot().status).toBe("stale");
    event(6);
    await world.advance(1);
    expect(state.getSnapshot().data).toEqual([6]);
  });

  test("what was taken away is not kept", async () => {
    const keeper = new IndexedStore({ indexedDB: new IDBFactory() });
    await keeper.saveTopic({ topic: "count:1", position: { epoch: "e1", seq: 2 }, data: [1, 2] });
    counting({ keeper }).subscribe(() => {});
    await expect.poll(lastId).toBeDefined();
    const error = { type: "error", code: "forbidden", error: "Not allowed: count:1", topic: "count:1" };
    world.socket.receive({ ...error, message_id: lastId() });
    await expect.poll(() => keeper.loadTopic("count:1")).toBeUndefined();
  });
});
