import fc from "fast-check";
import { expect, test } from "vitest";
import { settle } from "../rig/manual-world.js";
import { ModelServer } from "../rig/model-server.js";
import { type ModelTab, TabWorld } from "../rig/tab-world.js";

const TOPICS = ["a:1", "a:2"];
const NAMES = [...TOPICS, "a:*"];
const MAX_TABS = 4;

const topic = fc.constantFrom(...TOPICS);
const name = fc.constantFrom(...NAMES);
const index = fc.nat(7);
const few = fc.integer({ min: 1, max: 4 });

/** Everything that can happen to tabs, to whoever holds their line, to the server, and in between. */
const step = fc.oneof(
  weighted(14, "publish", topic, fc.constantFrom("once", "once", "once", "lost")),
  weighted(5, "line reads", few),
  weighted(5, "server reads"),
  weighted(6, "hub reads", index, few),
  weighted(6, "tab reads", index, few),
  weighted(6, "carry on", index),
  weighted(12, "go on", fc.integer({ min: 1, max: 20 })),
  weighted(2, "fail", index),
  weighted(2, "trim", name, fc.nat(2)),
  weighted(1, "restart"),
  weighted(3, "cut or connect"),
  weighted(2, "open a tab"),
  weighted(1, "close a tab", index),
  weighted(1, "kill a tab", index),
  weighted(1, "notice deaths"),
  weighted(2, "hand over"),
  weighted(6, "subscribe", index, name, fc.option(fc.integer({ min: 0, max: 4 }))),
  weighted(2, "unsubscribe", index, name),
  weighted(2, "subscribe anew", index, name),
  weighted(2, "refresh", index, name),
  weighted(1, "time passes"),
);

function weighted(weight: number, what: string, ...more: fc.Arbitrary<unknown>[]) {
  return { weight, arbitrary: fc.tuple(fc.constant(what), ...more) };
}

type Act = (world: TabWorld, one: never, two: never, three: never) => unknown;

const tabOf = ({ tabs }: TabWorld, index: number): ModelTab | undefined => tabs[index % (tabs.length || 1)];

const ACTS: Readonly<Record<string, Act>> = {
  publish({ server }, topic: string, how: string) {
    const told = server.publish(topic);
    how === "once" && server.deliver(told);
  },
  "line reads": (world, frames: number) => world.lineReads(frames),
  "server reads": (world) => world.serverReads(),
  "hub reads": (world, index: number, count: number) => tabOf(world, index)?.ways.hubReads(count),
  "tab reads": (world, index: number, count: number) => tabOf(world, index)?.ways.tabReads(count),
  "carry on": ({ server }, index: number) => server.carryOn(server.work[index % server.work.length] ?? ""),
  async "go on"(world, steps: number) {
    for (let left = steps; left > 0 && (await advanceOne(world)); left--) {}
  },
  fail: ({ server }, index: number) => server.fail(server.work[index % server.work.length] ?? ""),
  trim: ({ server }, name: string, keep: number) => server.trim(name, keep),
  restart(world) {
    world.cut();
    world.server.restart();
  },
  "cut or connect": (world) => (world.isConnected ? world.cut() : world.connect()),
  "open a tab": (world) => world.tabs.length < MAX_TABS && world.openTab(),
  "close a tab": (world, index: number) => world.tabs.length > 1 && world.closeTab(index % world.tabs.length),
  "kill a tab": (world, index: number) => world.tabs.length > 1 && world.killTab(index % world.tabs.length),
  "notice deaths": (world) => world.noticeDeaths(),
  "hand over": (world) => world.handOver(),
  subscribe(world, index: number, name: string, back: number | null) {
    const { epoch, seq } = world.server.log(name);
    tabOf(world, index)?.subscribe(name, back === null ? undefined : { epoch, seq: Math.max(0, seq - back) });
  },
  unsubscribe: (world, index: number, name: string) => tabOf(world, index)?.unsubscribe(name),
  "subscribe anew"(world, index: number, name: string) {
    const tab = tabOf(world, index);
    tab?.unsubscribe(name);
    tab?.subscribe(name);
  },
  refresh: (world, index: number, name: string) => tabOf(world, index)?.refresh(name),
  "time passes": (world) => world.surroundings.advance(1),
};

/** Do the next thing that is due; false if nothing is. */
async function advanceOne(world: TabWorld): Promise<boolean> {
  await settle();
  const { server, tabs } = world;
  const [waiting] = server.work;
  const speaking = tabs.find(({ ways }) => ways.toHub.length);
  const hearing = tabs.find(({ ways }) => ways.toTab.length);
  if (speaking) {
    speaking.ways.hubReads(1);
  } else if (hearing) {
    hearing.ways.tabReads(1);
  } else if (world.toServer.length) {
    world.serverReads();
  } else if (waiting !== undefined) {
    server.carryOn(waiting);
  } else if (server.toClient.length) {
    world.lineReads(1);
  } else {
    return false;
  }
  return true;
}

async function comeToRest(world: TabWorld): Promise<void> {
  for (let left = 400 + 200 * world.server.published.size; left > 0; left--) {
    if (!(await advanceOne(world))) {
      return;
    }
  }
  throw new Error("the line does not come to rest");
}

/** Once the trouble is over everyone catches up: nothing is missing at the end, and nothing is held in vain. */
async function checkAllArrives(world: TabWorld): Promise<void> {
  const { server, tabs } = world;
  world.noticeDeaths();
  await comeToRest(world);
  await world.connect();
  await comeToRest(world);
  await world.surroundings.advance(2); // Subscriptions that failed for a passing reason.
  await comeToRest(world);
  for (const topic of TOPICS) {
    server.deliver(server.publish(topic));
  }
  await comeToRest(world);
  for (const tab of tabs) {
    expect(tab.line.state).toBe("connected");
    for (const [name, reader] of tab.readers) {
      const { epoch, seq } = server.log(name);
      expect(reader).toMatchObject({ isBroken: false, isOpen: true });
      expect(reader.cursor).toEqual({ epoch, seq });
      expect(tab.line.positions().get(name)).toEqual({ epoch, seq });
    }
  }
  const wanted = new Set(tabs.flatMap(({ readers }) => [...readers.keys()]));
  expect(new Set(server.subscribed)).toEqual(wanted);
}

test("whatever happens, each tab receives what was published after its own cursor, in order and once", async () => {
  const beginning = fc.record({ snapshots: fc.subarray(NAMES), tabs: fc.array(fc.subarray(NAMES), { maxLength: 3 }) });
  const property = fc.asyncProperty(
    beginning,
    fc.array(step, { minLength: 20, maxLength: 80, size: "max" }),
    async (begin, steps) => {
      const world = new TabWorld(new ModelServer(TOPICS, new Set(begin.snapshots)));
      for (const names of [[], ...begin.tabs]) {
        const tab = world.openTab();
        for (const name of names) {
          tab.subscribe(name);
        }
      }
      await comeToRest(world);
      await world.connect();
      await comeToRest(world);
      for (const [what, one, two, three] of steps) {
        await ACTS[what]?.(world, one as never, two as never, three as never);
        await settle();
        expect(world.surroundings.errors).toEqual([]);
      }
      await checkAllArrives(world);
      expect(world.surroundings.errors).toEqual([]);
    },
  );
  await fc.assert(property, { numRuns: 300 });
});
