import { expect, test } from "vitest";
import { CallCut } from "../../src/errors.js";
import { OfflineCalls } from "../../src/offline/index.js";
import { ManualBrowser, type ManualTab } from "../rig/manual-browser.js";
import { settle } from "../rig/manual-world.js";

async function open(browser: ManualBrowser, count: number): Promise<ManualTab[]> {
  const tabs: ManualTab[] = [];
  for (let left = count; left > 0; left--) {
    tabs.push(await browser.open());
  }
  for (const socket of browser.world.sockets) {
    socket.open();
  }
  await settle();
  return tabs;
}

const shares = (tabs: readonly ManualTab[]) => tabs.map(({ line }) => line.share);
const states = (tabs: readonly ManualTab[]) => tabs.map(({ line }) => line.state);

/** Let each tab follow a topic, the second one an event behind. */
async function follow(browser: ManualBrowser, tabs: readonly ManualTab[]): Promise<void> {
  const { socket } = browser.world;
  for (const tab of tabs) {
    tab.follow("a:1");
  }
  await settle();
  socket.receive({ type: "subscribed", topic: "a:1", epoch: "e", seq: 6, message_id: "1" });
  await settle();
  tabs[1]?.freeze();
  socket.receive({ type: "t", topic: "a:1", seq: 7, id: "7", time: "now", data: null });
  await settle();
}

const askedFrom = (seq: number) => ({ type: "subscribe", topics: [{ topic: "a:1", since: { epoch: "e", seq } }] });

test("a worker holds the socket of all tabs", async () => {
  const browser = new ManualBrowser({ worker: "working", locks: true });
  const tabs = await open(browser, 3);
  expect(shares(tabs)).toEqual(["worker", "worker", "worker"]);
  expect(browser.world.sockets).toHaveLength(1);
});

test("where there is no worker, the tab that holds the lock holds the socket", async () => {
  const browser = new ManualBrowser({ locks: true });
  const tabs = await open(browser, 3);
  expect(shares(tabs)).toEqual(["leader", "follower", "follower"]);
  expect(states(tabs)).toEqual(["connected", "connected", "connected"]);
  expect(browser.world.sockets).toHaveLength(1);
});

test("a worker that cannot be loaded, or says nothing, is done without", async () => {
  const broken = new ManualBrowser({ worker: "broken", locks: true });
  expect(shares(await open(broken, 2))).toEqual(["leader", "follower"]);
  const mute = new ManualBrowser({ worker: "mute", locks: true });
  const tabs = await open(mute, 2);
  expect(mute.world.sockets).toHaveLength(0);
  await mute.world.advance(20);
  expect(shares(tabs)).toEqual(["leader", "follower"]);
  expect(mute.world.sockets).toHaveLength(1);
});

test.each([true, false])("a worker that died is made again; known by its lock: %s", async (locks) => {
  const browser = new ManualBrowser({ worker: "working", locks });
  const tabs = await open(browser, 2);
  await follow(browser, tabs);
  await tabs[1]?.thaw();
  browser.killWorkers();
  await browser.world.advance(locks ? 0 : 20 + 8);
  await settle();
  expect(shares(tabs)).toEqual(["worker", "worker"]);
  browser.world.socket.open();
  expect(browser.world.socket.sent).toMatchObject([askedFrom(7)]);
  await settle();
  expect(states(tabs)).toEqual(["connected", "connected"]);
});

test("where there is nothing to share by, each tab has a socket", async () => {
  const browser = new ManualBrowser();
  const tabs = await open(browser, 2);
  expect(shares(tabs)).toEqual(["alone", "alone"]);
  expect(states(tabs)).toEqual(["connected", "connected"]);
  expect(browser.world.sockets).toHaveLength(2);
});

test("users and addresses do not mix", async () => {
  const browser = new ManualBrowser({ locks: true });
  const tabs = [await browser.open({ share: "ann" }), await browser.open({ share: "bob" })];
  expect(shares(tabs)).toEqual(["leader", "leader"]);
});

test.each(["closes", "crashes"])(
  "a leader that %s is followed by another, from the positions of each tab",
  async (how) => {
    const browser = new ManualBrowser({ locks: true });
    const tabs = await open(browser, 3);
    const [leader, behind, last] = tabs as [ManualTab, ManualTab, ManualTab];
    await follow(browser, tabs);
    const cut = last.line.call("one");
    cut.catch(() => {});
    await settle();
    if (how === "closes") {
      leader.line.close();
      await settle();
      expect(browser.world.sockets[0]?.closedWith).toBe(1000);
    } else {
      await leader.crash();
    }
    await behind.thaw();
    expect(shares([behind, last])).toEqual(["leader", "follower"]);
    await expect(cut).rejects.toBeInstanceOf(CallCut);
    expect(states([behind, last])).toEqual(["connecting", "connecting"]);
    browser.world.socket.open();
    const from = behind.events.length ? 7 : 6;
    expect(browser.world.socket.sent).toMatchObject([askedFrom(from)]);
    browser.world.socket.receive({
      type: "resumed",
      topic: "a:1",
      epoch: "e",
      seq: 8,
      recovered: 8 - from,
      message_id: "1",
    });
    for (let seq = from + 1; seq <= 8; seq++) {
      browser.world.socket.receive({ type: "t", topic: "a:1", seq, id: `${seq}`, time: "now", data: null });
    }
    await settle();
    expect([behind.events, last.events]).toEqual([
      [7, 8],
      [7, 8],
    ]);
    expect(states([behind, last])).toEqual(["connected", "connected"]);
  },
);

test("a kept call that the leader had sent is sent again by the next, under its key", async () => {
  const browser = new ManualBrowser({ locks: true });
  const [leader, next] = (await open(browser, 2)) as [ManualTab, ManualTab];
  const calls = new OfflineCalls(next.line, { timers: browser.world.timers });
  const call = calls.enqueue("note.add", { text: "Hello" }, { key: "k" });
  await settle();
  expect(browser.world.socket.sent).toMatchObject([{ method: "note.add", key: "k" }]);
  await leader.crash();
  expect(call.state).toBe("pending");
  browser.world.socket.open();
  await settle();
  await settle();
  expect(browser.world.sockets).toHaveLength(2);
  expect(browser.world.socket.sent).toMatchObject([{ method: "note.add", params: { text: "Hello" }, key: "k" }]);
  browser.world.socket.receive({ type: "reply", message_id: "1", result: 7 });
  expect((await call.result).result).toBe(7);
});

test("a leader that is frozen is followed by another, and follows when it comes back", async () => {
  const browser = new ManualBrowser({ locks: true });
  const tabs = await open(browser, 3);
  const [frozen, ...others] = tabs as [ManualTab, ...ManualTab[]];
  frozen.freeze();
  await browser.world.advance(20 + 8 + 4);
  expect(shares(others).sort()).toEqual(["follower", "leader"]);
  browser.world.socket.open();
  await settle();
  expect(states(others)).toEqual(["connected", "connected"]);
  await frozen.thaw();
  expect(frozen.line.share).toBe("follower");
  expect(frozen.line.state).toBe("connected");
  expect(browser.world.sockets).toHaveLength(2);
  expect(browser.world.sockets[0]?.closedWith).toBe(1000);
});

test("a tab that died is noticed by its lock, and without locks by its silence", async () => {
  const locked = new ManualBrowser({ locks: true });
  const tabs = await open(locked, 2);
  await tabs[1]?.crash();
  expect(locked.world.errors).toEqual([]);
  tabs[0]?.line.watch(() => {});
  await settle();
  expect(tabs[0]?.line.getView().tabs).toBe(1);

  const unlocked = new ManualBrowser({ worker: "working" });
  const [first, second] = await open(unlocked, 2);
  second?.follow("a:1");
  await settle();
  await second?.crash();
  first?.line.watch(() => {});
  for (let seconds = 0; seconds < 240; seconds += 5) {
    await unlocked.world.advance(5);
    unlocked.world.socket.receive({ type: "pong" });
  }
  expect(first?.line.getView().tabs).toBe(1);
  expect(unlocked.world.socket.sent).toContainEqual(expect.objectContaining({ type: "unsubscribe" }));
});
