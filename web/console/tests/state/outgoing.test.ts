import { CallCut, type Notice, RequestError } from "@trunkline/client";
import { type CallingLine, OfflineCalls } from "@trunkline/client/offline";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { BrowserStorage } from "../../src/state/browser-storage";
import { Outbox, type OutgoingMessage } from "../../src/state/outgoing";

interface Sending {
  readonly content: string;
  readonly clientId: string;
  readonly key: string;
  answer(): void;
  refuse(error: Error): void;
}

/** A line of which the test says when it is up and what it answers. */
class HandLine implements CallingLine {
  readonly sendings: Sending[] = [];
  readonly #listeners = new Set<(notice: Notice) => void>();
  #open: () => void = () => {};
  #ready = new Promise<void>((resolve) => {
    this.#open = resolve;
  });

  connect(): void {
    this.#open();
  }

  whenReady = () => this.#ready;

  call: CallingLine["call"] = (_method, params, options) =>
    new Promise((resolve, reject) => {
      const { content, client_id } = params as unknown as { content: string; client_id: string };
      this.sendings.push({
        content,
        clientId: client_id,
        key: options?.key ?? "",
        answer: () => resolve({ result: {} as never, positions: [] }),
        refuse: reject,
      });
    });

  addListener: CallingLine["addListener"] = (listener) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
}

let line: HandLine;
let busy: Set<number>;
let isLive: boolean;
let told: readonly OutgoingMessage[];
let answers: Record<string, number>;
const asked: string[] = [];

function makeOutbox(calls = new OfflineCalls(line)): Outbox {
  const outbox = new Outbox({
    calls,
    storage: new BrowserStorage(),
    changed: (messages) => {
      told = messages;
    },
    isBusy: (threadId) => busy.has(threadId),
    isLive: () => isLive,
  });
  told = outbox.messages;
  return outbox;
}

const shown = () => told.map(({ content, state }) => `${content}: ${state}`);
const settle = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  vi.useFakeTimers();
  line = new HandLine();
  busy = new Set();
  isLive = true;
  answers = {};
  asked.length = 0;
  vi.stubGlobal("fetch", async (request: Request) => {
    const { pathname } = new URL(request.url);
    asked.push(`${request.method} ${pathname}`);
    const status = answers[pathname] ?? 201;
    const body = status < 400 ? {} : { detail: "Not now." };
    return new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json" } });
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  localStorage.clear();
});

test("a message is pending without a line, then sent, and gone when its thread shows it", async () => {
  const outbox = makeOutbox();
  outbox.send(1, "Hello");
  await settle();
  expect(shown()).toEqual(["Hello: pending"]);
  line.connect();
  await settle();
  expect(shown()).toEqual(["Hello: sent"]);
  line.sendings[0]?.answer();
  await settle();
  expect(shown()).toEqual(["Hello: sent"]);
  outbox.arrived(line.sendings[0]?.clientId ?? "");
  expect(shown()).toEqual([]);
});

test("a message that its thread shows before the answer comes does not stay behind", async () => {
  line.connect();
  const outbox = makeOutbox();
  outbox.send(1, "Hello");
  await settle();
  outbox.arrived(line.sendings[0]?.clientId ?? "");
  line.sendings[0]?.answer();
  await settle();
  expect(shown()).toEqual([]);
});

test("a refused message says why, also on the next page; sent again it keeps its name; given up it returns", async () => {
  line.connect();
  const outbox = makeOutbox();
  outbox.send(1, "Hello");
  await settle();
  line.sendings[0]?.refuse(new RequestError("Thread 1 not found", "not_found"));
  await settle();
  expect(told).toMatchObject([{ content: "Hello", state: "failed", sentence: "Thread 1 not found" }]);

  line = new HandLine();
  const next = makeOutbox();
  expect(shown()).toEqual(["Hello: failed"]);
  const clientId = told[0]?.clientId ?? "";
  next.retry(clientId);
  line.connect();
  await settle();
  expect(line.sendings.map((sending) => sending.clientId)).toEqual([clientId]);
  line.sendings[0]?.refuse(new RequestError("No", "forbidden"));
  await settle();
  expect(next.discard(clientId)).toBe("Hello");
  expect(shown()).toEqual([]);
});

test("what is written while a thread is answered is held, and sent one by one, in order", async () => {
  line.connect();
  const outbox = makeOutbox();
  busy.add(1);
  outbox.send(1, "One");
  outbox.send(1, "Two");
  outbox.send(2, "Elsewhere");
  await settle();
  expect(shown()).toEqual(["Elsewhere: sent", "One: held", "Two: held"]);
  line.sendings[0]?.answer();
  outbox.release();
  await settle();
  expect(line.sendings.length).toBe(1);

  busy.clear();
  outbox.release();
  await settle();
  expect(line.sendings.map(({ content }) => content)).toEqual(["Elsewhere", "One"]);
  outbox.release();
  await settle();
  expect(line.sendings.length, "the first is on its way, and will be answered").toBe(2);
  busy.add(1);
  line.sendings[1]?.answer();
  await settle();
  busy.clear();
  outbox.release();
  await settle();
  expect(line.sendings.map(({ content }) => content)).toEqual(["Elsewhere", "One", "Two"]);
});

test("what is held is there on the next page, and not sent before that knows how the thread is", async () => {
  busy.add(1);
  makeOutbox().send(1, "Later");
  busy.clear();
  isLive = false;
  line.connect();
  const next = makeOutbox();
  next.release();
  await settle();
  expect(shown()).toEqual(["Later: held"]);
  isLive = true;
  next.release();
  await settle();
  expect(shown()).toEqual(["Later: sent"]);
});

test("what is held can be taken back", () => {
  busy.add(1);
  const outbox = makeOutbox();
  outbox.send(1, "Wait");
  expect(outbox.discard(told[0]?.clientId ?? "")).toBe("Wait");
  expect(shown()).toEqual([]);
});

test("a thread that is busy after all gets the message a moment later, under the same name, before others", async () => {
  line.connect();
  const outbox = makeOutbox();
  outbox.send(1, "One");
  await settle();
  outbox.send(1, "Two");
  line.sendings[0]?.refuse(new RequestError("Thread 1 already has run 5 in progress", "conflict"));
  busy.add(1);
  await settle();
  expect(shown()).toEqual(["One: held", "Two: held"]);
  busy.clear();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(line.sendings.map(({ content }) => content)).toEqual(["One", "One"]);
  expect(line.sendings[1]?.clientId).toBe(line.sendings[0]?.clientId);
  expect(line.sendings[1]?.key, "the refused key would be refused again").not.toBe(line.sendings[0]?.key);
});

test("a cut sends again by itself", async () => {
  line.connect();
  makeOutbox().send(1, "Hello");
  await settle();
  line.sendings[0]?.refuse(new CallCut("thread.send"));
  await settle();
  expect(line.sendings.map(({ key }) => key)).toEqual([line.sendings[0]?.key, line.sendings[0]?.key]);
  expect(shown()).toEqual(["Hello: sent"]);
});

test("calls that an earlier page left are shown as this page's own", async () => {
  const calls = new OfflineCalls(line);
  calls.enqueue("thread.send", { thread_id: 4, content: "Before", client_id: "c", run: true });
  makeOutbox(calls);
  expect(told).toMatchObject([{ threadId: 4, content: "Before", clientId: "c", state: "pending" }]);
});

const LARGE = "long ".repeat(20_000);

test("a message too large for the line goes by REST and is answered", async () => {
  const outbox = makeOutbox();
  outbox.send(1, LARGE);
  expect(told.map(({ state }) => state)).toEqual(["sent"]);
  await settle();
  expect(asked).toEqual(["POST /api/threads/1/messages", "POST /api/threads/1/run"]);
  expect(line.sendings).toEqual([]);
  outbox.arrived(told[0]?.clientId ?? "");
  expect(told).toEqual([]);
});

test("a large message that was refused says why, and is kept", async () => {
  answers["/api/threads/1/messages"] = 503;
  makeOutbox().send(1, LARGE);
  await settle();
  expect(told).toMatchObject([{ content: LARGE, state: "failed", sentence: "Not now." }]);
  makeOutbox();
  expect(told).toMatchObject([{ content: LARGE, state: "failed" }]);
});

test("a large message whose page goes away in the middle is there on the next one, to be sent again", async () => {
  vi.stubGlobal("fetch", () => new Promise(() => {}));
  makeOutbox().send(1, LARGE);
  await settle();
  makeOutbox();
  expect(told).toMatchObject([{ content: LARGE, state: "failed", sentence: expect.stringContaining("closed") }]);
});

test("more than the queue takes is refused with a sentence, and kept", () => {
  const calls = new OfflineCalls(line, { bounds: { maxCalls: 1 } });
  const outbox = makeOutbox(calls);
  outbox.send(1, "One");
  outbox.send(2, "Two");
  expect(told).toMatchObject([
    { content: "One", state: "pending" },
    { content: "Two", state: "failed" },
  ]);
  expect(told[1]?.sentence).toContain("Too much");
});

test("a browser on a page without TLS, which makes no ids of its own, sends too", async () => {
  vi.stubGlobal("crypto", { getRandomValues: crypto.getRandomValues.bind(crypto) });
  line.connect();
  makeOutbox().send(1, "Hello");
  await settle();
  expect(shown()).toEqual(["Hello: sent"]);
});

test("a message that two tabs send at the same moment is shown once", () => {
  const calls = new OfflineCalls(line);
  for (const key of ["of this tab", "of the other"]) {
    calls.enqueue("thread.send", { thread_id: 1, content: "Held", client_id: "c", run: true }, { key });
  }
  makeOutbox(calls);
  expect(shown()).toEqual(["Held: pending"]);
});

test("what another tab has sent of the held messages is not sent again, and what it holds is not forgotten", async () => {
  line.connect();
  busy.add(1).add(2);
  const outbox = makeOutbox();
  const other = makeOutbox(new OfflineCalls(new HandLine()));
  outbox.send(1, "One");
  other.send(2, "Two");
  expect(other.messages.map(({ content }) => content)).toEqual(["One", "Two"]);
  busy.clear();
  other.release();
  outbox.release();
  await settle();
  expect(line.sendings).toEqual([]);
});
