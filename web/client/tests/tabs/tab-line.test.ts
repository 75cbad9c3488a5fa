import { describe, expect, test } from "vitest";
import type { StateChanged } from "../../src/effects.js";
import { CallCut, RequestError } from "../../src/errors.js";
import { ManualBrowser, type ManualTab } from "../rig/manual-browser.js";
import { settle } from "../rig/manual-world.js";

async function threeTabs(options = {}): Promise<{ browser: ManualBrowser; tabs: [ManualTab, ManualTab, ManualTab] }> {
  const browser = new ManualBrowser({ worker: "working", locks: true });
  const tabs: [ManualTab, ManualTab, ManualTab] = [
    await browser.open(options),
    await browser.open(options),
    await browser.open(options),
  ];
  browser.world.socket.open();
  await settle();
  return { browser, tabs };
}

const event = (topic: string, seq: number) => ({ type: "t", topic, seq, id: `${seq}`, time: "now", data: seq });

describe("topics", () => {
  test("each tab hears what it subscribed to alone, over one socket, and the last one gives a topic up", async () => {
    const { browser, tabs } = await threeTabs();
    const { world } = browser;
    tabs[0].follow("a:1");
    tabs[1].follow("a:2");
    await settle();
    world.socket.receive({ type: "subscribed", topic: "a:1", epoch: "e", seq: 0, message_id: "1" });
    world.socket.receive({ type: "subscribed", topic: "a:2", epoch: "e", seq: 0, message_id: "2" });
    await settle();
    tabs[2].follow("a:1");
    await settle();
    world.socket.receive(event("a:1", 1));
    world.socket.receive(event("a:2", 1));
    await settle();
    expect(tabs.map(({ events }) => events)).toEqual([[1], [1], [1]]);
    expect(world.sockets).toHaveLength(1);
    expect(world.socket.sent).toHaveLength(2);
    tabs[0].line.unsubscribe("a:1");
    await settle();
    expect(world.socket.sent).toHaveLength(2);
    await tabs[2].crash();
    expect(world.socket.sent.at(-1)).toMatchObject({ type: "unsubscribe", topics: ["a:1"] });
    expect(tabs[1].line.positions()).toEqual(new Map([["a:2", { epoch: "e", seq: 1 }]]));
  });

  test("a tab that joins gets the snapshot, the others nothing of it", async () => {
    const { browser, tabs } = await threeTabs();
    const { socket } = browser.world;
    tabs[0].follow("a:1");
    await settle();
    socket.receive({ type: "s", topic: "a:1", epoch: "e", seq: 4, data: 4, message_id: "1" });
    tabs[1].follow("a:1");
    await settle();
    expect(socket.sent.at(-1)).toMatchObject({ topics: ["a:1"] });
    socket.receive({ type: "s", topic: "a:1", epoch: "e", seq: 6, data: 6, message_id: "2" });
    await settle();
    // What the first one missed meanwhile is asked for, from its own position.
    expect(socket.sent.at(-1)).toMatchObject({ topics: [{ topic: "a:1", since: { epoch: "e", seq: 4 } }] });
    socket.receive({ type: "resumed", topic: "a:1", epoch: "e", seq: 6, recovered: 2, message_id: "3" });
    for (const seq of [5, 6, 7]) {
      socket.receive(event("a:1", seq));
    }
    await settle();
    expect(tabs.map(({ events }) => events)).toEqual([["snapshot", 5, 6, 7], ["snapshot", 7], []]);
  });

  test("who is further on than a position that the server forgot is not reset with who stands there", async () => {
    const { browser, tabs } = await threeTabs();
    const { socket } = browser.world;
    const since = (seq: number) => ({ epoch: "e", seq });
    tabs[0].client.topics.subscribe("a:1", ({ kind }) => tabs[0].events.push(kind), { since: since(5) });
    await settle();
    socket.receive({ type: "resumed", topic: "a:1", epoch: "e", seq: 5, recovered: 0, message_id: "1" });
    tabs[1].client.topics.subscribe("a:1", ({ kind }) => tabs[1].events.push(kind), { since: since(1) });
    await settle();
    socket.receive({ type: "reset", topic: "a:1", reason: "gap" });
    socket.receive({ type: "s", topic: "a:1", epoch: "e", seq: 5, data: 5, message_id: "2" });
    await settle();
    expect(tabs.map(({ events }) => events)).toEqual([[], ["reset", "snapshot"], []]);
  });

  test("what is no topic is refused at once, and a refused topic fails in each of its tabs", async () => {
    const { browser, tabs } = await threeTabs();
    expect(() => tabs[0].line.subscribe("none")).toThrow(RequestError);
    const failures: string[] = [];
    for (const tab of tabs) {
      tab.client.topics.subscribe("a:1", () => {}, { onFailure: ({ code }) => failures.push(code) });
    }
    await settle();
    browser.world.socket.receive({ type: "error", code: "forbidden", error: "No", topic: "a:1", message_id: "1" });
    await settle();
    expect(failures).toEqual(["forbidden", "forbidden", "forbidden"]);
    expect(tabs[0].line.positions()).toEqual(new Map());
  });
});

describe("calls", () => {
  test("are answered in the tab that made them", async () => {
    const { browser, tabs } = await threeTabs();
    const { socket } = browser.world;
    const [one, two] = [tabs[0].line.call("one", { at: new Date(0) }, { key: "k" }), tabs[1].line.call("two")];
    await settle();
    expect(socket.sent).toMatchObject([
      { method: "one", params: { at: "1970-01-01T00:00:00.000Z" }, key: "k" },
      { method: "two" },
    ]);
    socket.receive({ type: "reply", message_id: "2", error: { code: "conflict", error: "Taken", details: { a: 1 } } });
    socket.receive({ type: "reply", message_id: "1", result: 1, positions: [{ topic: "a:1", epoch: "e", seq: 1 }] });
    expect(await one).toEqual({ result: 1, positions: [{ topic: "a:1", epoch: "e", seq: 1 }] });
    const refused = await two.catch((error) => error);
    expect(refused).toBeInstanceOf(RequestError);
    expect(refused).toMatchObject({ message: "Taken", code: "conflict", details: { a: 1 }, isRefusal: false });
    await expect(tabs[0].line.call("big", { text: "x".repeat(70_000) })).rejects.toMatchObject({ code: "too_large" });
  });

  test("are cut with the line, and with the tab that holds it", async () => {
    const { browser, tabs } = await threeTabs();
    const cut = tabs[0].line.call("one");
    const closed = tabs[1].line.call("two");
    await settle();
    tabs[1].line.close();
    await expect(closed).rejects.toBeInstanceOf(CallCut);
    browser.world.socket.end();
    await expect(cut).rejects.toBeInstanceOf(CallCut);
  });

  test("of a line that is closed for good fail with the reason", async () => {
    const { browser, tabs } = await threeTabs();
    browser.world.socket.end(4501, "Not from here");
    await settle();
    await expect(tabs[2].line.call("one")).rejects.toMatchObject({ name: "LineClosed", code: 4501 });
    tabs[2].line.start();
    await settle();
    expect(tabs.map(({ line }) => line.state)).toEqual(["connecting", "connecting", "connecting"]);
  });
});

describe("state", () => {
  test("is the line's, in each tab, with when it tries again", async () => {
    const { browser, tabs } = await threeTabs();
    browser.world.socket.end(1012, "restart");
    await settle();
    await browser.world.advance(0.125);
    const late = await browser.open();
    const changes = [...tabs, late].map(({ line }) => line.lastChange);
    const waiting = (retryIn: number): StateChanged => ({
      kind: "state",
      state: "waiting",
      code: 1012,
      reason: "restart",
      retryIn,
    });
    expect(changes).toEqual([waiting(0.25), waiting(0.25), waiting(0.25), waiting(0.125)]);
    await browser.world.advance(0.2);
    browser.world.socket.open();
    await settle();
    expect(tabs[0].states).toEqual(["connected", "waiting", "connecting", "connected"]);
  });

  test("is ready once the token of one of the tabs was taken", async () => {
    const browser = new ManualBrowser({ worker: "working", locks: true });
    const tokens = ["one", "two"];
    const tab = await browser.open({ token: async () => tokens.shift() ?? "" });
    browser.world.socket.open();
    await settle();
    let isReady = false;
    tab.line.whenReady().then(() => {
      isReady = true;
    });
    await settle();
    expect([browser.world.socket.sent, tab.line.state, isReady]).toEqual([
      [{ type: "authenticate", token: "one" }],
      "connected",
      false,
    ]);
    browser.world.socket.receive({ type: "authenticated", expires_at: null });
    await settle();
    expect(isReady).toBe(true);
  });

  test("a tab that was asked for a token and dies does not hold the line up", async () => {
    const browser = new ManualBrowser({ worker: "working", locks: true });
    const never = await browser.open({ token: () => new Promise<string>(() => {}) });
    await browser.open({ token: "other" });
    await never.crash();
    await browser.world.advance(1);
    browser.world.socket.open();
    expect(browser.world.socket.sent).toEqual([{ type: "authenticate", token: "other" }]);
  });

  test("figures come to those who watch", async () => {
    const { browser, tabs } = await threeTabs();
    let told = 0;
    const stop = tabs[0].line.watch(() => {
      told += 1;
    });
    await settle();
    tabs[0].line.probe();
    await settle();
    await browser.world.advance(0.25);
    browser.world.socket.receive({ type: "pong" });
    await settle();
    const view = tabs[0].line.getView();
    expect(view).toMatchObject({ state: "connected", share: "worker", tabs: 3, roundTrip: 0.25, connectedAt: 0 });
    expect(view.stats.connects).toBe(1);
    expect(tabs[0].line.getView()).toBe(view);
    tabs[1].line.close();
    await settle();
    expect(tabs[0].line.getView()).toMatchObject({ tabs: 2 });
    stop();
    await settle();
    const before = told;
    await browser.world.advance(5);
    expect(told).toBe(before);
  });
});

describe("tabs that go away", () => {
  test("the last one closes the socket, and one that comes later opens another", async () => {
    const { browser, tabs } = await threeTabs();
    tabs[0].line.close();
    await tabs[1].crash();
    await settle();
    expect(browser.world.socket.closedWith).toBeNull();
    tabs[2].line.close();
    await settle();
    expect(browser.world.socket.closedWith).toBe(1000);
    expect(tabs[2].line.lastChange).toMatchObject({ state: "closed", reason: "closed by the application" });
    tabs[2].line.start();
    await settle();
    expect(browser.world.sockets).toHaveLength(2);
  });

  test("one that is put away steps aside, and comes back with its positions", async () => {
    const { browser, tabs } = await threeTabs();
    tabs[0].follow("a:1");
    await settle();
    browser.world.socket.receive({ type: "subscribed", topic: "a:1", epoch: "e", seq: 3, message_id: "1" });
    await settle();
    tabs[0].signal("suspend");
    await settle();
    expect(tabs[0].line.state).toBe("waiting");
    expect(browser.world.socket.sent.at(-1)).toMatchObject({ type: "unsubscribe" });
    tabs[0].signal("wake");
    await settle();
    const topics = [{ topic: "a:1", since: { epoch: "e", seq: 3 } }];
    expect(browser.world.socket.sent.at(-1)).toMatchObject({ type: "subscribe", topics });
    expect(tabs[0].line.state).toBe("connected");
  });

  test("one that does not keep up is let go, and joins again from where it is", async () => {
    const { browser, tabs } = await threeTabs();
    const { socket } = browser.world;
    tabs[0].follow("a:1");
    tabs[1].follow("a:1");
    await settle();
    socket.receive({ type: "subscribed", topic: "a:1", epoch: "e", seq: 0, message_id: "1" });
    await settle();
    tabs[0].freeze();
    for (let seq = 1; seq <= 11_000; seq++) {
      socket.receive(event("a:1", seq));
      seq % 50 || (await settle());
    }
    await settle();
    expect(tabs[1].events).toHaveLength(11_000);
    tabs[1].line.watch(() => {});
    await settle();
    expect(tabs[1].line.getView().tabs).toBe(2);
    await tabs[0].thaw();
    const seq = tabs[0].events.length;
    expect(tabs[0].events).toEqual(Array.from({ length: seq }, (_, index) => index + 1));
    const topics = [{ topic: "a:1", since: { epoch: "e", seq } }];
    expect(socket.sent.at(-1)).toMatchObject({ type: "subscribe", topics });
  });

  test("what the surroundings of a tab say reaches the line", async () => {
    const { browser, tabs } = await threeTabs();
    tabs[2].signal("doubt");
    await settle();
    expect(browser.world.socket.sent).toMatchObject([{ type: "ping" }]);
    browser.world.socket.end();
    tabs[1].signal("wake");
    await settle();
    expect(browser.world.sockets).toHaveLength(2);
  });
});
