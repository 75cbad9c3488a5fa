import { beforeEach, describe, expect, test, vi } from "vitest";
import { connect } from "../src/client-line.js";
import type { Notice, StateChanged } from "../src/effects.js";
import { CallCut, LineClosed, RequestError } from "../src/errors.js";
import { WsClient, type WsClientOptions } from "../src/ws-client.js";
import { ManualWorld, settle } from "./rig/manual-world.js";

let world: ManualWorld;

beforeEach(() => {
  world = new ManualWorld();
});

async function started(options: WsClientOptions = {}): Promise<WsClient> {
  const client = new WsClient("ws://here/api/ws/v2", world.options(options));
  client.start();
  await settle();
  return client;
}

async function connected(options: WsClientOptions = {}): Promise<WsClient> {
  const client = await started(options);
  world.socket.open();
  return client;
}

describe("connecting", () => {
  test("names the subprotocol, and tells each state", async () => {
    const states: StateChanged[] = [];
    const client = new WsClient("ws://here/x", world.options());
    client.addListener((notice) => notice.kind === "state" && states.push(notice));
    client.start();
    await settle();
    expect(world.socket.protocols).toEqual(["trunkline.v2.json"]);
    world.socket.open();
    world.socket.end(1012, "restart");
    await world.advance(1);
    client.close();
    expect(states.map(({ state }) => state)).toEqual(["connecting", "connected", "waiting", "connecting", "closed"]);
    expect(states[2]).toMatchObject({ code: 1012, reason: "restart", retryIn: 0.25 });
    expect(client.lastChange).toBe(states.at(-1));
  });

  test("callbacks come in order, and what they throw is reported", async () => {
    const calls: string[] = [];
    await connected({
      onConnect: () => {
        calls.push("connect");
        throw new Error("in onConnect");
      },
      onMessage: ({ kind }) => calls.push(kind),
      onDisconnect: async ({ state }) => {
        calls.push(state);
        throw new Error("in onDisconnect");
      },
    });
    world.socket.receive({ type: "goaway", reason: "The server stops", retry_after_ms: 3200 });
    world.socket.end(4002);
    await settle();
    expect(calls).toEqual(["connect", "notice", "waiting"]);
    expect(world.errors.map(String)).toEqual(["Error: in onConnect", "Error: in onDisconnect"]);
  });

  test("an address that is none ends the line", async () => {
    class Refusing {
      constructor() {
        throw new SyntaxError("bad url");
      }
    }
    const client = await started({ webSocket: Refusing as never });
    expect(client.lastChange).toMatchObject({ state: "closed", code: 4502, reason: "SyntaxError: bad url" });
  });

  test("where there is no WebSocket the line ends and says so", async () => {
    vi.stubGlobal("WebSocket", undefined);
    const client = new WsClient("ws://here/x", { ...world.options(), webSocket: undefined as never });
    client.start();
    await settle();
    vi.unstubAllGlobals();
    expect(client.lastChange.reason).toContain("give one as `webSocket`");
  });

  test("a socket that does not open in time is given up", async () => {
    const client = await started();
    const [first] = world.sockets;
    await world.advance(10);
    expect(client.lastChange).toMatchObject({ state: "waiting", code: 1006, reason: "No answer in time" });
    await world.advance(1);
    expect(world.sockets).toHaveLength(2);
    first?.open();
    expect(client.state).toBe("connecting");
  });

  test("what a socket that was given up still says is not heard", async () => {
    const notices: Notice[] = [];
    const client = await connected({ onMessage: (notice) => notices.push(notice) });
    const [first] = world.sockets;
    await world.advance(25 + 8);
    expect(client.lastChange).toMatchObject({ state: "waiting", code: 4001 });
    expect(first?.closedWith).toBe(4001);
    first?.receive({ type: "goaway", reason: "", retry_after_ms: 1 });
    first?.end(4500);
    expect(client.state).toBe("waiting");
    expect(notices).toEqual([]);
  });

  test("a message that cannot be read ends the line with 4502", async () => {
    const client = await connected();
    world.socket.receive("no JSON");
    expect(client.lastChange).toMatchObject({ state: "closed", code: 4502 });
    expect(world.socket.closedWith).toBe(4502);
    expect(world.errors).toHaveLength(1);
  });

  test("a socket that takes no more is given up", async () => {
    const client = await connected();
    world.socket.bufferedAmount = 1024 * 1024 + 1;
    client.subscribe("a:1");
    expect(client.lastChange).toMatchObject({ state: "waiting", code: 1006 });
  });

  test("closing ends timers and listeners, and start begins anew", async () => {
    const client = await connected();
    client.subscribe("a:1");
    client.close();
    expect(world.socket.closedWith).toBe(1000);
    expect(world.running).toEqual({ timers: 0, listeners: 0 });
    client.close();
    client.start();
    await settle();
    world.socket.open();
    expect(world.socket.sent).toEqual([{ type: "subscribe", topics: ["a:1"], message_id: "2" }]);
  });

  test("a line closed and started again while its token is fetched opens one socket", async () => {
    const tokens: ((token: string) => void)[] = [];
    const client = await started({ token: () => new Promise((resolve) => tokens.push(resolve)) });
    client.close();
    client.start();
    await settle();
    for (const resolve of tokens) {
      resolve("fresh");
    }
    await settle();
    expect(world.sockets).toHaveLength(1);
  });
});

describe("tokens", () => {
  test("are sent first, and everything else once they were taken", async () => {
    const client = await started({ token: "one" });
    client.subscribe("a:1");
    world.socket.open();
    expect(world.socket.sent).toEqual([{ type: "authenticate", token: "one" }]);
    world.socket.receive({ type: "authenticated", expires_at: null });
    expect(world.socket.sent[1]).toMatchObject({ type: "subscribe" });
    client.authenticate("two");
    expect(world.socket.sent[2]).toMatchObject({ type: "authenticate", token: "two" });
  });

  test("are fetched anew before each connection; one that cannot be had is tried again", async () => {
    let tries = 0;
    const client = await started({
      token: async () => {
        tries += 1;
        if (tries === 1) {
          throw new Error("offline");
        }
        return `token ${tries}`;
      },
    });
    expect(client.lastChange).toMatchObject({ state: "waiting", reason: "Error: offline" });
    await world.advance(1);
    world.socket.open();
    expect(world.socket.sent).toEqual([{ type: "authenticate", token: "token 2" }]);
  });
});

describe("surroundings", () => {
  test("waking connects at once", async () => {
    const client = await connected();
    world.socket.end();
    world.signal("wake");
    expect(client.state).toBe("connecting");
  });

  test("waking does not shorten a time that the server gave", async () => {
    const client = await connected();
    world.socket.receive({ type: "goaway", reason: "", retry_after_ms: 5000 });
    world.socket.end(4002);
    world.signal("wake");
    expect(client.state).toBe("waiting");
    await world.advance(5);
    expect(client.state).toBe("connecting");
  });

  test.each(["wake", "doubt"] as const)("%s asks an open line whether it is", async (signal) => {
    const client = await connected();
    await world.advance(3);
    world.signal(signal);
    world.signal(signal);
    expect(world.socket.sent).toEqual([{ type: "ping", timestamp: 3000, interval: 25 }]);
    await world.advance(8);
    expect(client.lastChange).toMatchObject({ state: "waiting", code: 4001 });
    expect(client.learned).toEqual({ holds: 0 });
  });

  test("doubt leaves a waiting line to its backoff", async () => {
    const client = await connected();
    world.socket.end();
    world.signal("doubt");
    expect(client.state).toBe("waiting");
  });

  test("a page that is put away lets its socket go, and comes back with its positions", async () => {
    const client = await connected();
    client.subscribe("a:1");
    world.socket.receive({ type: "subscribed", topic: "a:1", epoch: "e1", seq: 7, message_id: "1" });
    world.signal("suspend");
    expect(client.state).toBe("waiting");
    expect(world.socket.closedWith).toBeUndefined();
    world.signal("wake");
    await settle();
    world.socket.open();
    const topics = [{ topic: "a:1", since: { epoch: "e1", seq: 7 } }];
    expect(world.socket.sent).toMatchObject([{ type: "subscribe", topics }]);
  });

  test("timers are set anew by messages, not chained, so that hidden pages go on pinging", async () => {
    const set = vi.spyOn(world.timers, "set");
    const client = await connected();
    await world.advance(25);
    set.mockClear();
    world.socket.receive({ type: "pong", timestamp: 25_000 });
    expect(set).toHaveBeenCalledExactlyOnceWith(expect.any(Function), 25);
    await world.advance(1);
    world.socket.receive({ type: "later_version" });
    expect(set).toHaveBeenCalledTimes(1);
    client.close();
  });
});

describe("calls", () => {
  test("wait for the line, and resolve with the result and its positions", async () => {
    const client = await started();
    const answer = client.call<number>("add", { a: 1 }, { key: "k" });
    world.socket.open();
    await settle();
    expect(world.socket.sent).toEqual([{ type: "call", method: "add", params: { a: 1 }, key: "k", message_id: "1" }]);
    const positions = [{ topic: "a:1", epoch: "e1", seq: 4 }];
    world.socket.receive({ type: "reply", message_id: "1", result: 3, positions });
    expect(await answer).toEqual({ result: 3, positions });
  });

  test("tell a failed method from a message that was refused", async () => {
    const client = await connected();
    const failed = client.call("one").catch((error: unknown) => error);
    const refused = client.call("two").catch((error: unknown) => error);
    await settle();
    const error = { code: "conflict", error: "Thread 45 is busy", details: { run_id: 7 } };
    world.socket.receive({ type: "reply", message_id: "1", error });
    world.socket.receive({ type: "error", message_id: "2", code: "rate_limited", error: "Too fast" });
    expect(await failed).toMatchObject({ code: "conflict", details: { run_id: 7 }, isRefusal: false });
    expect(await failed).toBeInstanceOf(RequestError);
    expect(await refused).toMatchObject({ message: "Too fast", code: "rate_limited", isRefusal: true });
  });

  test("are cut with their connection", async () => {
    const client = await connected();
    const answer = client.call("add").catch((error: unknown) => error);
    await settle();
    world.socket.end();
    expect(await answer).toBeInstanceOf(CallCut);
  });

  test("that are larger than the server takes are not sent", async () => {
    const client = await connected();
    const limits = { max_message_bytes: 100, max_subscriptions: 1, messages_per_second: 1 };
    const greeting = { type: "connected", connection_id: "c", protocol: "p", server_time: "t", ping_interval: 60 };
    world.socket.receive({ ...greeting, limits });
    await expect(client.call("add", { text: "ü".repeat(60) })).rejects.toMatchObject({ code: "too_large" });
    expect(world.socket.sent).toEqual([]);
  });

  test("fail when the line is closed for good", async () => {
    const client = await started();
    const answer = client.call("add");
    client.close();
    await expect(answer).rejects.toBeInstanceOf(LineClosed);
    await expect(client.whenReady()).rejects.toThrow("closed by the application");
  });

  test("are sent on the next connection if the line is cut at the very moment they would go", async () => {
    const client = await started();
    const answer = client.call<string>("add");
    world.socket.open();
    world.socket.end();
    await world.advance(1);
    world.socket.open();
    await settle();
    world.socket.receive({ type: "reply", message_id: "1", result: "here" });
    expect((await answer).result).toBe("here");
  });
});

test("what is unsubscribed while it is handed over does not reach a handler that comes after", async () => {
  const client = await connected();
  const kinds: string[] = [];
  client.addListener((notice) => {
    kinds.push(notice.kind);
    if (notice.kind === "opened" && kinds.length === 1) {
      client.unsubscribe("a:1");
    }
  });
  client.subscribe("a:1");
  world.socket.receive({ type: "state", topic: "a:1", epoch: "e1", seq: 1, data: 1, message_id: "1" });
  expect(kinds).toEqual(["opened"]);
});

describe("connect", () => {
  test.each([
    ["https://there", "wss://there/api/ws/v2"],
    ["http://there:8000/", "ws://there:8000/api/ws/v2"],
    ["ws://there/own?x=1", "ws://there/own?x=1"],
    [new URL("wss://there/own"), "wss://there/own"],
  ])("%s means %s", async (given, meant) => {
    const { line } = connect(given, world.options());
    await settle();
    expect(line.url).toBe(meant);
    expect(world.socket.url).toBe(meant);
  });

  test("an address without a base is refused where there is no page", () => {
    expect(() => connect("/", world.options())).toThrow(TypeError);
  });
});
