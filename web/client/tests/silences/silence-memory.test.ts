import { expect, test } from "vitest";
import { SilenceMemory, type SilenceStorage } from "../../src/silences/index.js";
import { ManualBrowser } from "../rig/manual-browser.js";
import { settle } from "../rig/manual-world.js";

class ManualStorage implements SilenceStorage {
  readonly items = new Map<string, string>();

  getItem(name: string): string | null {
    return this.items.get(name) ?? null;
  }

  setItem(name: string, value: string): void {
    this.items.set(name, value);
  }
}

test("what was learned of each network is there for the next page", () => {
  const storage = new ManualStorage();
  new SilenceMemory({ storage, network: () => "wifi" }).remember({ holds: 100, breaks: 120 });
  new SilenceMemory({ storage, network: () => "cellular" }).remember({ holds: 30 });
  expect(new SilenceMemory({ storage, network: () => "wifi" }).recall()).toEqual({ holds: 100, breaks: 120 });
  expect(new SilenceMemory({ storage, network: () => "cellular" }).recall()).toEqual({ holds: 30 });
  expect(new SilenceMemory({ storage, network: () => "ethernet" }).recall()).toBeUndefined();
});

test("what was learned across two networks is not remembered of either, nor is nothing", () => {
  const storage = new ManualStorage();
  let network = "wifi";
  const memory = new SilenceMemory({ storage, network: () => network });
  memory.remember({ holds: 0 });
  network = "cellular";
  memory.remember({ holds: 100 });
  expect(storage.items.size).toBe(0);
});

test("so many networks are remembered, those saved last", () => {
  const storage = new ManualStorage();
  for (let holds = 1; holds <= 10; holds++) {
    new SilenceMemory({ storage, network: () => `net ${holds}` }).remember({ holds });
  }
  const recall = (name: string) => new SilenceMemory({ storage, network: () => name }).recall();
  expect([recall("net 2"), recall("net 3"), recall("net 10")]).toEqual([undefined, { holds: 3 }, { holds: 10 }]);
});

test("storage that is missing, full, or holds something else is nothing to fail over", () => {
  const missing = new SilenceMemory({ storage: undefined });
  missing.remember({ holds: 5 });
  expect(missing.recall()).toBeUndefined();
  const full = new ManualStorage();
  full.setItem = () => {
    throw new DOMException("full", "QuotaExceededError");
  };
  new SilenceMemory({ storage: full }).remember({ holds: 5 });
  const odd = new ManualStorage();
  for (const text of ["no JSON", "null", "7", '{"": {"holds": "long"}}', '{"": null}']) {
    odd.items.set("trunkline silences", text);
    expect(new SilenceMemory({ storage: odd }).recall()).toBeUndefined();
  }
});

test("tabs give what was learned to their line, and remember what it learns", async () => {
  const storage = new ManualStorage();
  const browser = new ManualBrowser({ worker: "working", locks: true });
  new SilenceMemory({ storage }).remember({ holds: 40 });
  await browser.open({ silences: new SilenceMemory({ storage }) });
  const { world } = browser;
  world.socket.open();
  await world.advance(40);
  expect(world.socket.sent).toMatchObject([{ type: "ping", interval: 40 }]);
  world.socket.receive({ type: "pong" });
  for (const silence of [40, 60]) {
    await world.advance(silence);
    world.socket.receive({ type: "pong" });
  }
  await world.advance(20);
  await settle();
  expect(new SilenceMemory({ storage }).recall()).toEqual({ holds: 60 });
});
