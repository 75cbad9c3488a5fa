import { MantineProvider } from "@mantine/core";
import { Notifications, notifications } from "@mantine/notifications";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, configure, render } from "@testing-library/react";
import { OfflineCalls } from "@trunkline/client/offline";
import { connectTabs } from "@trunkline/client/tabs";
import type { ReactNode } from "react";
import { vi } from "vitest";
import { ManualSocket } from "../../../client/tests/rig/manual-world";
import type { ModelInfo } from "../../src/api/rest";
import { ConsoleProvider } from "../../src/console-context";
import type { Agent, AgentEvents, Run, Thread, ThreadEvents, ThreadHistory } from "../../src/generated/agents";
import { App, useApp } from "../../src/state/app-state";

/** What the server answers to one REST request: a status and a body, or no answer at all. */
export type Answer = { readonly status: number; readonly body?: unknown } | "unreachable";

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

// happy-dom knows nothing of fonts; a text field that grows listens to them.
Object.defineProperty(document, "fonts", { value: new EventTarget() });

// A machine with other work to do takes its time.
configure({ asyncUtilTimeout: 5_000 });

function model(id: string, more: Partial<ModelInfo>): ModelInfo {
  const description = `What ${id} is.`;
  return { id, provider: id, available: true, default: false, description, problem: null, ...more };
}

/** What there is to choose from, unless a test says otherwise. */
export const MODELS: Answer = {
  status: 200,
  body: {
    items: [
      model("local/smollm2", { available: false, problem: "The local model is not installed." }),
      model("echo", { default: true }),
    ],
  },
};

const FIRST_STATE = useApp.getState();

/** The server of one page: what its lists hold, what it answers, and what it was asked. */
export class PageServer {
  agents: readonly Agent[] = [];
  threads: readonly Thread[] = [];
  runs: readonly Run[] = [];
  /** What single threads hold; one that is not here does not exist. */
  readonly histories = new Map<number, ThreadHistory>();
  isTruncated = false;
  /** Whether it takes connections. */
  isUp = true;
  readonly asked: Asked[] = [];
  readonly called: Record<string, unknown>[] = [];
  readonly answers = new Map<string, Answer | ((body: never) => Answer)>([["GET /api/models", MODELS]]);
  readonly #seqs = new Map<string, number>();
  #socket: ManualSocket | undefined;

  constructor() {
    vi.stubGlobal("fetch", (request: Request) => this.#fetch(request));
  }

  /** Say something to whoever listens, as an event of a feed. */
  publish<Type extends keyof (AgentEvents & ThreadEvents)>(type: Type, data: (AgentEvents & ThreadEvents)[Type]): void {
    const feed = type.startsWith("agent") ? "agent:*" : "thread:*";
    const feed_seq = (this.#seqs.get(feed) ?? 0) + 1;
    this.#seqs.set(feed, feed_seq);
    const topic = feed.replace("*", "1");
    const event = { type, topic, seq: feed_seq, feed_seq, id: `${feed} ${feed_seq}`, time: "now", data };
    act(() => this.#socket?.receive(event));
  }

  /** Say something to whoever has a thread open. */
  publishIn<Type extends keyof ThreadEvents>(threadId: number, type: Type, data: ThreadEvents[Type]): void {
    const topic = `thread:${threadId}`;
    const seq = (this.#seqs.get(topic) ?? 0) + 1;
    this.#seqs.set(topic, seq);
    act(() => this.#socket?.receive({ type, topic, seq, id: `${topic} ${seq}`, time: "now", data }));
  }

  /** Answer the newest call. */
  async reply(
    answer: { readonly result: unknown } | { readonly error: { code: string; error: string } },
  ): Promise<void> {
    const { message_id } = this.called.at(-1) ?? {};
    await act(async () => this.#socket?.receive({ type: "reply", message_id, positions: [], ...answer }));
  }

  /** A WebSocket class whose other end is this server. */
  get webSocket() {
    const join = (socket: ManualSocket) => this.#join(socket);
    const take = (socket: ManualSocket, message: Record<string, unknown>) => this.#take(socket, message);
    return class extends ManualSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols);
        join(this);
      }

      override send(text: string): void {
        super.send(text);
        take(this, JSON.parse(text));
      }
    };
  }

  async #fetch(request: Request): Promise<Response> {
    const { method } = request;
    const path = new URL(request.url).pathname;
    const text = await request.text();
    const body: unknown = text ? JSON.parse(text) : undefined;
    this.asked.push({ method, path, body });
    const known = this.answers.get(`${method} ${path}`) ?? {
      status: 404,
      body: { detail: `No ${method} ${path} here` },
    };
    const answer = typeof known === "function" ? known(body as never) : known;
    if (answer === "unreachable") {
      throw new TypeError("Failed to fetch");
    }
    const headers = { "Content-Type": answer.status < 400 ? "application/json" : "application/problem+json" };
    return new Response(answer.body === undefined ? null : JSON.stringify(answer.body), { ...answer, headers });
  }

  #join(socket: ManualSocket): void {
    this.#socket = socket;
    queueMicrotask(() => (this.isUp ? socket.open() : socket.end()));
  }

  #take(socket: ManualSocket, message: Record<string, unknown>): void {
    const { type, message_id } = message;
    if (type === "subscribe") {
      for (const wanted of message["topics"] as (string | { topic: string })[]) {
        const topic = typeof wanted === "string" ? wanted : wanted.topic;
        socket.receive({ topic, message_id, ...this.#state(topic) });
      }
    } else if (type === "call") {
      this.called.push(message);
    }
  }

  #state(topic: string): Record<string, unknown> {
    const stamp = { epoch: "e", seq: 0 };
    if (topic.endsWith(":*")) {
      return { type: topic === "agent:*" ? "agent_list" : "thread_list", ...stamp, data: this.#list(topic) };
    }
    const history = this.histories.get(Number(topic.split(":")[1]));
    return history
      ? { type: "thread_history", ...stamp, data: history }
      : { type: "error", code: "not_found", error: `Thread ${topic.split(":")[1]} not found` };
  }

  #list(topic: string): unknown {
    if (topic === "agent:*") {
      return { agents: this.agents, truncated: this.isTruncated };
    }
    const activity = this.threads.map(({ id }) => {
      const last_run = this.runs.find(({ thread_id }) => thread_id === id) ?? null;
      return { thread_id: id, messages: 0, last_message_id: null, last_role: null, last_run };
    });
    return { threads: this.threads, activity, truncated: this.isTruncated };
  }
}

/** Show a part of the page as the browser would, on a line to this server. */
export function show(server: PageServer, children: ReactNode): App {
  const alone = { makeWorker: undefined, makeChannel: undefined, locks: undefined, webSocket: server.webSocket };
  const client = connectTabs("http://here/", { platform: alone });
  const app = new App({ client, calls: new OfflineCalls(client.line) });
  ended.push(() => client.line.close());
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <MantineProvider env="test">
      <Notifications />
      <QueryClientProvider client={queries}>
        <ConsoleProvider app={app}>{children}</ConsoleProvider>
      </QueryClientProvider>
    </MantineProvider>,
  );
  return app;
}

const ended: (() => void)[] = [];

/** Take the page away, with what it kept. */
export function takeAway(): void {
  notifications.clean();
  cleanup();
  for (const end of ended.splice(0)) {
    end();
  }
  useApp.setState(FIRST_STATE, true);
  localStorage.clear();
  history.replaceState(null, "", "/");
  vi.unstubAllGlobals();
}
