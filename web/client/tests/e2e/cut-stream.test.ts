import { expect, inject, test } from "vitest";
import { WebSocket } from "ws";
import { connect } from "../../src/client-line.js";
import type { Position } from "../../src/position.js";
import { CutLine } from "./cut-line.js";

/** How often the line is made before the stream ends. */
const CONNECTIONS = 6;

type Events = { price_changed: { symbol: string; price: number } };

async function change(symbol: string, price: number): Promise<void> {
  const answer = await fetch(`${inject("serverUrl")}/prices/${symbol}?price=${price}`, { method: "PUT" });
  expect(answer.status).toBe(200);
}

test("a stream that is cut again and again arrives whole, in order and once", async () => {
  const cutLine = new CutLine(Number(new URL(inject("serverUrl")).port));
  const port = await cutLine.listen();
  await change("CUT", 0);
  const session = { backoff: { floor: 0.1, cap: 0.1 } };
  const { line, topics } = connect(`http://127.0.0.1:${port}`, { webSocket: WebSocket, session });
  const prices: number[] = [];
  const kinds = new Set<string>();
  topics.subscribe<Events, { price: number }>("price:CUT", (update) => {
    kinds.add(`${update.kind} after ${prices.length && "some"}`);
    if (update.kind !== "reset") {
      prices.push(update.data.price);
    }
    if (prices.length % 50 === 25) {
      cutLine.cut();
    }
  });
  await expect.poll(() => prices.length).toBe(1);
  let published = 0;
  while (line.stats.connects < CONNECTIONS) {
    published += 1;
    await change("CUT", published);
  }
  await expect.poll(() => prices.length, { timeout: 15_000 }).toBeGreaterThan(published);
  line.close();
  await cutLine.close();
  expect(prices).toEqual(Array.from({ length: published + 1 }, (_, price) => price));
  expect(kinds).toEqual(new Set(["snapshot after 0", "event after some"]));
  expect(line.stats.recovered).toBeGreaterThan(0);
});

test("a new client resumes from the position of an earlier one", async () => {
  await change("OLD", 0);
  const seen: unknown[] = [];
  const first = connect(inject("serverUrl"), { webSocket: WebSocket });
  first.topics.subscribe("price:OLD", ({ kind }) => seen.push(kind));
  await expect.poll(() => seen).toEqual(["snapshot"]);
  const since = first.line.positions().get("price:OLD") as Position;
  first.line.close();
  await change("OLD", 1);
  const second = connect(inject("serverUrl"), { webSocket: WebSocket });
  second.topics.subscribe<Events>("price:OLD", (update) => seen.push(update.kind === "event" && update.data.price), {
    since,
  });
  await expect.poll(() => seen).toEqual(["snapshot", 1]);
  second.line.close();
});

test("a call of a method that there is not fails with the server's sentence", async () => {
  const { line } = connect(inject("serverUrl"), { webSocket: WebSocket });
  await expect(line.call("no.such")).rejects.toMatchObject({ name: "RequestError", code: "not_found" });
  line.close();
});
