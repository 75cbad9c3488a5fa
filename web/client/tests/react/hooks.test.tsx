// @vitest-environment happy-dom
import { act, type ReactNode, StrictMode, useState } from "react";
import { createRoot, type Root } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { ClientLine } from "../../src/client-line.js";
import { OfflineCalls } from "../../src/offline/index.js";
import { TrunklineProvider, useCall, useConnection, usePendingCalls, useTopic } from "../../src/react/index.js";
import type { WsClient } from "../../src/ws-client.js";
import { manualLine } from "../rig/manual-line.js";
import type { ManualWorld } from "../rig/manual-world.js";

type Price = { price: number };
type Events = { price_changed: Price };

let world: ManualWorld;
let client: ClientLine<WsClient>;
let calls: OfflineCalls;
let root: Root;
const page = document.createElement("main");

beforeEach(async () => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  ({ world, client } = await manualLine());
  calls = new OfflineCalls(client.line, { timers: world.timers });
  root = createRoot(page);
});

afterEach(async () => {
  await act(async () => root.unmount());
});

function wired(children: ReactNode): ReactNode {
  return (
    <TrunklineProvider client={client} calls={calls}>
      {children}
    </TrunklineProvider>
  );
}

async function show(children: ReactNode): Promise<void> {
  await act(async () => root.render(<StrictMode>{wired(children)}</StrictMode>));
}

async function happens(what: () => unknown): Promise<void> {
  await act(async () => {
    await what();
    await world.advance(1);
  });
}

function Ticker({ topic = "price:EUR", factor = 1 }: { topic?: string; factor?: number }) {
  const { data, status } = useTopic<number, Events, Price>(topic, {
    initial: 0,
    fromSnapshot: ({ price }) => price,
    reduce: (_, event) => event.data.price * factor,
    timers: world.timers,
  });
  return `${topic} ${data} ${status}`;
}

let renders = 0;

function CountingTicker() {
  const { data, status } = useTopic<number, Events>("price:EUR", {
    initial: 0,
    fromSnapshot: (price) => price,
    reduce: (_, event) => event.data.price,
    timers: world.timers,
  });
  renders += 1;
  return `${data} ${status}`;
}

function State() {
  const { state, retryIn } = useConnection();
  return `${state} ${retryIn ?? ""}`;
}

let used: ReturnType<typeof useCall<number>>;

function Sender({ isKept }: { isKept: boolean }) {
  used = useCall<number>("add", { isKept });
  const [seen] = useState<string[]>([]);
  if (seen.at(-1) !== used.state) {
    seen.push(used.state);
  }
  return `${seen.join(" ")} ${usePendingCalls().length}`;
}

function snapshot(price: number, seq: number): void {
  const { message_id, topics } = world.socket.sent.filter(({ type }) => type === "subscribe").at(-1) ?? {};
  const [topic] = topics as string[];
  world.socket.receive({ type: "snapshot", topic, epoch: "e1", seq, data: { price }, message_id });
}

function change(price: number, seq: number): void {
  world.socket.receive({ type: "price_changed", topic: "price:EUR", seq, id: `${seq}`, time: "now", data: { price } });
}

describe("useTopic", () => {
  test("shows snapshot and events; StrictMode's double mount subscribes once", async () => {
    await show(<Ticker />);
    expect(page.textContent).toBe("price:EUR 0 loading");
    await happens(() => snapshot(1.07, 1));
    expect(page.textContent).toBe("price:EUR 1.07 live");
    await happens(() => change(1.08, 2));
    expect(page.textContent).toBe("price:EUR 1.08 live");
    expect(world.socket.sent.map(({ type }) => type)).toEqual(["subscribe"]);
  });

  test("another topic takes the place of the first", async () => {
    await show(<Ticker />);
    await happens(() => snapshot(1, 1));
    await show(<Ticker topic="price:USD" />);
    expect(page.textContent).toBe("price:USD 0 loading");
    await happens(() => {});
    expect(world.socket.sent.map(({ type, topics }) => [type, topics])).toEqual([
      ["subscribe", ["price:EUR"]],
      ["subscribe", ["price:USD"]],
      ["unsubscribe", ["price:EUR"]],
    ]);
  });

  test("the newest functions are used", async () => {
    await show(<Ticker />);
    await happens(() => snapshot(1, 1));
    await show(<Ticker factor={100} />);
    await happens(() => change(2, 2));
    expect(page.textContent).toBe("price:EUR 200 live");
  });

  test("two components of one topic each get it all, and the last to leave gives it up", async () => {
    await show([<Ticker key="1" />, <p key="2">, </p>]);
    await happens(() => snapshot(1, 1));
    await show([<Ticker key="1" />, <p key="2">, </p>, <Ticker key="3" />]);
    await happens(() => snapshot(2, 1));
    expect(page.textContent).toBe("price:EUR 2 live, price:EUR 2 live");
    await show(null);
    await happens(() => {});
    expect(world.socket.sent.filter(({ type }) => type === "unsubscribe")).toHaveLength(1);
    expect(client.topics.topics).toEqual([]);
  });

  test("ten thousand events are rendered a few times", async () => {
    await show(<CountingTicker />);
    await happens(() => snapshot(0, 0));
    renders = 0;
    await happens(async () => {
      for (let seq = 1; seq <= 10_000; seq++) {
        change(seq, seq);
      }
    });
    expect(page.textContent).toBe("10000 live");
    expect(renders).toBeLessThan(10);
  });

  test("what is no topic fails", async () => {
    await show(<Ticker topic="EUR" />);
    expect(page.textContent).toBe("EUR 0 failed");
  });

  test("a server renders what is there at first", () => {
    expect(renderToString(wired(<Ticker />))).toBe("price:EUR 0 loading");
  });
});

test("useConnection shows the state of the line", async () => {
  expect(renderToString(wired(<State />))).toBe("idle ");
  await show(<State />);
  expect(page.textContent).toBe("connected ");
  await act(async () => world.socket.end());
  expect(page.textContent).toBe("waiting 0.25");
});

describe("useCall", () => {
  const reply = (message_id: string, answer: object) => world.socket.receive({ type: "reply", message_id, ...answer });

  test("shows where the newest call is", async () => {
    await show(<Sender isKept={false} />);
    await happens(() => {
      used.call({ a: 1 });
    });
    await happens(() => reply("1", { result: 3 }));
    expect(page.textContent).toBe("idle sent confirmed 0");
    expect(used.result).toBe(3);
    await happens(() => {
      used.call().catch(() => {});
    });
    await happens(() => reply("2", { error: { code: "conflict", error: "Busy" } }));
    expect(used).toMatchObject({ state: "failed", error: { code: "conflict" } });
  });

  test("a kept call waits for the line, and is pending, sent, confirmed", async () => {
    await show(<Sender isKept />);
    world.socket.end();
    await act(async () => {
      used.call();
    });
    expect(page.textContent).toBe("idle pending 1");
    await happens(() => {});
    await happens(() => world.socket.open());
    await happens(() => reply("1", { result: 3 }));
    expect(page.textContent).toBe("idle pending sent confirmed 0");
  });
});

test("hooks without a provider say what to do", () => {
  expect(() => renderToString(<Ticker />)).toThrow("TrunklineProvider");
});
