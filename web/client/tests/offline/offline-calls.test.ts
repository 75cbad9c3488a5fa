import { IDBFactory } from "fake-indexeddb";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import type { ClientLine } from "../../src/client-line.js";
import { CallQueue, makeCall } from "../../src/offline/call-queue.js";
import { IndexedStore, OfflineCalls, type OfflineCallsOptions } from "../../src/offline/index.js";
import type { WsClient } from "../../src/ws-client.js";
import { manualLine } from "../rig/manual-line.js";
import { type ManualWorld, settle } from "../rig/manual-world.js";

let world: ManualWorld;
let client: ClientLine<WsClient>;

beforeEach(async () => {
  ({ world, client } = await manualLine());
});

async function keeping(options: OfflineCallsOptions = {}): Promise<OfflineCalls> {
  const calls = new OfflineCalls(client.line, {
    timers: world.timers,
    onError: (e) => world.errors.push(e),
    ...options,
  });
  await settle();
  return calls;
}

/** The last thing that was sent, and its answer. */
function answer(reply: object): void {
  const { message_id } = world.socket.sent.at(-1) ?? {};
  world.socket.receive({ type: "reply", message_id, ...reply });
}

async function reconnect(): Promise<void> {
  world.socket.end();
  await world.advance(30);
  world.socket.open();
  await settle();
}

const methods = () => world.socket.sent.map(({ method }) => method);

test("calls are sent one after the other, in the order they were made", async () => {
  const calls = await keeping();
  const [one, two] = [calls.enqueue<number>("one"), calls.enqueue("two")];
  await settle();
  expect(methods()).toEqual(["one"]);
  expect([one.state, two.state]).toEqual(["sent", "pending"]);
  answer({ result: 1 });
  expect((await one.result).result).toBe(1);
  await settle();
  expect(methods()).toEqual(["one", "two"]);
  expect(calls.pendingCalls).toEqual([two]);
});

test("a cut call is sent again under its key, first", async () => {
  const calls = await keeping();
  const one = calls.enqueue("one", { a: 1 }, { key: "k" });
  calls.enqueue("two");
  await settle();
  await reconnect();
  expect(world.socket.sent).toMatchObject([{ method: "one", params: { a: 1 }, key: "k" }]);
  answer({ result: null });
  await one.result;
  expect(one.state).toBe("confirmed");
});

test("a key that waits already is the same call", async () => {
  const calls = await keeping();
  expect(calls.enqueue("one", {}, { key: "k" })).toBe(calls.enqueue("one", {}, { key: "k" }));
});

test("what the server refuses fails, and the next is sent", async () => {
  const calls = await keeping();
  const one = calls.enqueue("one");
  calls.enqueue("two");
  await settle();
  answer({ error: { code: "internal", error: "It broke" } });
  await expect(one.result).rejects.toMatchObject({ code: "internal" });
  expect(one.state).toBe("failed");
  await settle();
  expect(methods()).toEqual(["one", "two"]);
});

test("a message refused for a passing reason is sent again after a second", async () => {
  const calls = await keeping();
  const one = calls.enqueue("one", {}, { key: "k" });
  await settle();
  world.socket.receive({ type: "error", code: "rate_limited", error: "Too fast", message_id: "1" });
  await settle();
  expect(one.state).toBe("pending");
  await world.advance(1);
  expect(world.socket.sent.map(({ key }) => key)).toEqual(["k", "k"]);
});

test("a line that was closed sends them when it is started again", async () => {
  const calls = await keeping();
  client.line.close();
  const one = calls.enqueue("one");
  await settle();
  client.line.start();
  await settle();
  world.socket.open();
  await settle();
  expect(one.state).toBe("sent");
});

test("past the bounds a clear error is thrown, and nothing is queued", async () => {
  const calls = await keeping({ bounds: { maxCalls: 2 } });
  calls.enqueue("one");
  calls.enqueue("two");
  expect(() => calls.enqueue("three")).toThrow("2 calls");
  expect(calls.pendingCalls).toHaveLength(2);
  const small = await keeping();
  expect(() => small.enqueue("large", { text: "x".repeat(1024 * 1024) })).toThrow("nothing was queued");
});

test("closing tells who waits, and sends nothing more", async () => {
  const calls = await keeping();
  client.line.close();
  const one = calls.enqueue("one");
  calls.close();
  await expect(one.result).rejects.toThrow("closed before one was answered");
  client.line.start();
  await settle();
  world.socket.open();
  await settle();
  expect(world.socket.sent).toEqual([]);
});

test("listeners hear of each change", async () => {
  const calls = await keeping();
  const seen: string[] = [];
  const stop = calls.subscribe(() => seen.push(calls.pendingCalls.map(({ state }) => state).join()));
  calls.enqueue("one");
  await settle();
  answer({});
  await settle();
  stop();
  calls.enqueue("two");
  expect(seen).toEqual(["pending", "sent", ""]);
});

describe("with a store", () => {
  const indexedDB = () => new IDBFactory();

  async function stored(database: IDBFactory): Promise<OfflineCalls> {
    const calls = await keeping({ store: new IndexedStore({ indexedDB: database }) });
    await expect.poll(() => world.errors).toEqual([]);
    return calls;
  }

  test("calls survive a reload, in order, with their keys, before those of the new page", async () => {
    const database = indexedDB();
    client.line.close();
    const before = await stored(database);
    const kept = ["one", "two", "three"].map((method, a) => before.enqueue(method, { a }, { key: `key ${method}` }));
    await Promise.all(kept.map((call) => call.stored));
    before.close();

    ({ world, client } = await manualLine());
    const after = await stored(database);
    after.enqueue("four", {}, { key: "key four" });
    await expect.poll(() => world.socket.sent.length).toBe(1);
    while (after.pendingCalls.length) {
      const before = world.socket.sent.length;
      answer({ result: null });
      await expect.poll(() => world.socket.sent.length > before || !after.pendingCalls.length).toBe(true);
    }
    expect(world.socket.sent.map(({ key }) => key)).toEqual(["key one", "key two", "key three", "key four"]);
    await expect.poll(() => new IndexedStore({ indexedDB: database }).load()).toEqual([]);
  });

  test("a call made again under a key that an earlier page left is that call", async () => {
    const database = indexedDB();
    client.line.close();
    const before = await stored(database);
    await before.enqueue("one", {}, { key: "k" }).stored;
    before.close();
    const after = await stored(database);
    await after.enqueue("one", {}, { key: "k" }).stored;
    expect(await new IndexedStore({ indexedDB: database }).load()).toHaveLength(1);
  });

  test("a store that fails is told of, and calls are sent all the same", async () => {
    const broken = () => Promise.reject(new Error("no room"));
    const calls = await keeping({ store: { load: broken, add: broken, remove: broken } });
    const one = calls.enqueue("one");
    await expect(one.stored).rejects.toThrow("no room");
    await settle();
    answer({ result: 1 });
    expect((await one.result).result).toBe(1);
    expect(world.errors).toHaveLength(3);
  });
});

test("the queue keeps order and bounds, whatever is added and answered", () => {
  const steps = fc.array(fc.oneof(fc.record({ key: fc.stringMatching(/^[a-f]$/) }), fc.constant("answer" as const)));
  fc.assert(
    fc.property(steps, (all) => {
      const queue = new CallQueue({ maxCalls: 3 });
      let model: string[] = [];
      for (const step of all) {
        const next = queue.nextToSend();
        expect(next?.key).toBe(model[0]);
        if (step === "answer") {
          model = model.slice(1);
          next && queue.answered(next, "confirmed");
        } else if (!queue.get(step.key) && model.length < 3) {
          queue.add(makeCall({ key: step.key, method: "m", params: {} }));
          model.push(step.key);
        }
        expect(queue.calls().map(({ key }) => key)).toEqual(model);
      }
    }),
  );
});
