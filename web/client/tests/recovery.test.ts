import fc from "fast-check";
import { expect, test } from "vitest";
import { ModelClient } from "./rig/model-client.js";
import { ModelServer } from "./rig/model-server.js";

const TOPICS = ["a:1", "a:2"];
const NAMES = [...TOPICS, "a:*"];

type World = { readonly server: ModelServer; readonly client: ModelClient };

const topic = fc.constantFrom(...TOPICS);
const name = fc.constantFrom(...NAMES);
const index = fc.nat(7);

/** Everything that can happen on both sides and in between, in any order. */
const step = fc.oneof(
  weighted(16, "publish", topic, fc.constantFrom("once", "once", "lost", "twice", "late")),
  weighted(6, "client reads", fc.integer({ min: 1, max: 4 })),
  weighted(6, "server reads"),
  weighted(10, "carry on", index),
  weighted(8, "go on", fc.integer({ min: 1, max: 12 })),
  weighted(2, "fail", index),
  weighted(3, "arrive late", index),
  weighted(2, "trim", name, fc.nat(2)),
  weighted(1, "restart"),
  weighted(3, "lag or catch up"),
  weighted(3, "cut or connect"),
  weighted(3, "subscribe", name, fc.option(fc.integer({ min: -1, max: 3 }))),
  weighted(1, "unsubscribe", name),
  weighted(3, "subscribe anew", name),
  weighted(3, "forget", name),
  weighted(2, "refresh", name),
  weighted(2, "time passes"),
);

function weighted(weight: number, what: string, ...more: fc.Arbitrary<unknown>[]) {
  return { weight, arbitrary: fc.tuple(fc.constant(what), ...more) };
}

type Act = (world: World, one: never, two: never) => unknown;

const ACTS: Readonly<Record<string, Act>> = {
  publish({ server }, topic: string, how: string) {
    const told = server.publish(topic);
    if (how === "late") {
      server.late.push(told);
    }
    for (let times = { once: 1, twice: 2 }[how] ?? 0; times > 0; times--) {
      server.deliver(told);
    }
  },
  "client reads": ({ server, client }, frames: number) =>
    server.toClient.splice(0, frames).map((text) => client.receive(text)),
  "server reads": ({ server, client }) => client.toServer.splice(0, 1).map((text) => server.receive(text)),
  "carry on": ({ server }, index: number) => server.carryOn(pick(server.work, index) ?? ""),
  "go on"(world, steps: number) {
    for (let left = steps; left > 0 && advanceOne(world); left--) {}
  },
  fail: ({ server }, index: number) => server.fail(pick(server.work, index) ?? ""),
  "arrive late": ({ server }, index: number) =>
    server.late.splice(index % (server.late.length || 1), 1).map((told) => server.deliver(told)),
  trim: ({ server }, name: string, keep: number) => server.trim(name, keep),
  forget: ({ server }, name: string) => server.forget(name),
  restart({ server, client }) {
    client.cut();
    server.restart();
  },
  "lag or catch up"({ server, client }) {
    if (server.isLagging) {
      server.catchUp();
    } else {
      server.isLagging = client.isConnected;
    }
  },
  "cut or connect": ({ client }) => (client.isConnected ? client.cut() : client.connect()),
  subscribe({ server, client }, name: string, back: number | null) {
    const { epoch, seq } = server.log(name);
    client.subscribe(name, back === null ? undefined : { epoch, seq: Math.max(0, seq - back) });
  },
  unsubscribe: ({ client }, name: string) => client.unsubscribe(name),
  "subscribe anew"({ client }, name: string) {
    client.unsubscribe(name);
    client.subscribe(name);
  },
  refresh: ({ client }, name: string) => client.take(client.session.subscriptions.refresh(name)),
  "time passes": ({ client }) => client.advance(1),
};

function pick<Item>(items: readonly Item[], index: number): Item | undefined {
  return items[index % items.length];
}

/** Do the next thing that is due, in the order in which it came; false if nothing is. */
function advanceOne({ server, client }: World): boolean {
  const [waiting] = server.work;
  if (client.toServer.length) {
    server.receive(client.toServer.shift() ?? "");
  } else if (waiting !== undefined) {
    server.carryOn(waiting);
  } else if (server.toClient.length) {
    client.receive(server.toClient.shift());
  } else if (client.wantsToRetry) {
    client.advance(1);
  } else {
    return false;
  }
  return true;
}

function settle(world: World): void {
  const { server } = world;
  for (let left = 200 + 50 * server.published.size; left > 0; left--) {
    if (server.isLagging) {
      server.catchUp();
    }
    const late = server.late.shift();
    if (late) {
      server.deliver(late);
    } else if (!advanceOne(world)) {
      return;
    }
  }
  throw new Error("the line does not come to rest");
}

/** The session knows what was handed over. */
function checkPositions({ client }: World): void {
  for (const [topic, position] of client.session.subscriptions.positions()) {
    expect(client.readers.get(topic)?.cursor).toEqual(position);
  }
}

/** Once the trouble is over everyone catches up: nothing is missing at the end. */
function checkAllArrives(world: World): void {
  const { server, client } = world;
  client.connect();
  settle(world);
  for (const topic of TOPICS) {
    server.deliver(server.publish(topic));
  }
  settle(world);
  for (const [name, reader] of client.readers) {
    const { epoch, seq } = server.log(name);
    expect(reader.isBroken).toBe(false);
    expect(reader.cursor).toEqual({ epoch, seq });
  }
}

test("whatever happens, each subscription receives what was published after its cursor, in order and once", () => {
  const beginning = fc.record({ snapshots: fc.subarray(NAMES), subscribed: fc.subarray(NAMES) });
  const property = fc.property(
    beginning,
    fc.array(step, { minLength: 30, maxLength: 100, size: "max" }),
    (begin, steps) => {
      const server = new ModelServer(TOPICS, new Set(begin.snapshots));
      const world = { server, client: new ModelClient(server) };
      world.client.connect();
      for (const name of begin.subscribed) {
        world.client.subscribe(name);
      }
      settle(world);
      for (const next of steps) {
        const [what, one, two] = next;
        ACTS[what]?.(world, one as never, two as never);
        checkPositions(world);
      }
      checkAllArrives(world);
    },
  );
  fc.assert(property, { numRuns: 600 });
});
