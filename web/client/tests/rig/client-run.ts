import { expect } from "vitest";
import { ClientSession } from "../../src/client-session.js";
import type { Effect, LineState, Notice } from "../../src/effects.js";
import type { Position } from "../../src/position.js";
import { type HandlerReference, type TopicLine, TopicManager } from "../../src/topic-manager.js";
import { LEGAL_STATES } from "./legal-states.js";
import type { Step, Vector } from "./vectors.js";

type Frame = Record<string, unknown>;

interface Request {
  readonly connect?: true;
  readonly close?: true;
  readonly subscribe?: string;
  readonly unsubscribe?: string;
  readonly since?: Position;
  readonly handler?: string;
  readonly call?: string;
  readonly params?: Frame;
  readonly key?: string;
}

const DEFAULT_HANDLER = "app";

/** Steps that happen to the server, or that it does alone. */
const SERVER_ONLY = [
  ...["publish", "store", "hold_snapshots", "client_reads", "restart", "drain", "revoke"],
  ...["client_text", "client_binary"],
];

/**
 * The client's side of one conversation: the real session and topic manager, without a socket and without a clock.
 *
 * The ids a client gives its messages are its own business: an id of the vector stands for the one that the session
 * really used, and is bound to it when the message is sent.
 */
export class ClientRun {
  readonly #session: ClientSession;
  readonly #topics: TopicManager;
  readonly #chance: number;
  readonly #handlers = new Map<string, HandlerReference>();
  readonly #realIds = new Map<unknown, unknown>();
  readonly #sent: Step[] = [];
  readonly #delivered: Step[] = [];
  readonly #effects: Effect[] = [];
  #listener: (notice: Notice) => void = () => {};
  #handedTo: string[] = [];
  #state: LineState = "idle";
  #now = 0;

  constructor({ client }: Pick<Vector, "client">) {
    this.#session = new ClientSession({}, client.token);
    this.#chance = client.chance ?? 0.5;
    this.#topics = new TopicManager(this.#asLine(), (error) => {
      throw error;
    });
  }

  /** What `TopicManager` needs of a line, over a session that is driven by hand. */
  #asLine(): TopicLine {
    const { subscriptions } = this.#session;
    return {
      subscribe: (topic, since) => this.#effects.push(...subscriptions.subscribe(topic, since)),
      refresh: (topic) => {
        this.#effects.push(...subscriptions.refresh(topic));
        return subscriptions.hasSnapshot(topic);
      },
      unsubscribe: (topic) => this.#effects.push(...subscriptions.unsubscribe(topic)),
      addListener: (listener) => {
        this.#listener = listener;
        return () => {};
      },
    };
  }

  /** Carry out what happens to the client, and check what it does. */
  play(steps: readonly Step[]): void {
    for (const step of steps) {
      const kind = Object.keys(step)[0] ?? "";
      if (kind === "client" || kind === "client_closes") {
        this.#compareSent(kind, step);
      } else if (kind === "delivered" || kind === "state") {
        expect(this.#shown(this.#delivered.shift()), "what the application got").toEqual(step);
      } else if (kind === "positions") {
        expect(Object.fromEntries(this.#session.subscriptions.positions())).toEqual(step["positions"]);
      } else {
        this.#take([...this.#feed(kind, step[kind]), ...this.#effects.splice(0)]);
      }
    }
    expect(this.#sent, "the client sent more than the vector says").toEqual([]);
    expect(this.#delivered, "the application got more than the vector says").toEqual([]);
  }

  #compareSent(kind: string, step: Step): void {
    const done = this.#sent.shift();
    const named = (step[kind] as Frame)["message_id"];
    const real = (done?.[kind] as Frame | undefined)?.["message_id"];
    if (named !== undefined && real !== undefined && !this.#realIds.has(named)) {
      this.#realIds.set(named, real);
    }
    expect(this.#shown(done), "what the client sent").toEqual(step);
  }

  // Steps

  #feed(kind: string, value: unknown): Effect[] {
    switch (kind) {
      case "app":
        return this.#request(value as Request);
      case "open":
        return this.#session.opened(this.#now);
      case "refused": {
        const { code, retry_after } = value as { code?: number; retry_after?: number };
        return this.#session.closed(code ?? 1006, "", this.#now, this.#chance, retry_after);
      }
      case "cut":
      case "server_closes":
        return this.#session.closed(value as number, "", this.#now, this.#chance);
      case "server":
        return this.#session.receive(JSON.stringify(this.#withRealId(value as Frame)), this.#now);
      case "server_text":
        return this.#session.receive(value as string, this.#now);
      case "advance":
        this.#now += value as number;
        return this.#session.tick(this.#now, this.#chance);
      default:
        expect(SERVER_ONLY, "unknown step").toContain(kind);
        return [];
    }
  }

  #request(request: Request): Effect[] {
    const handler = request.handler ?? DEFAULT_HANDLER;
    if (request.connect) {
      return this.#session.start();
    }
    if (request.close) {
      return this.#session.close();
    }
    if (request.call !== undefined) {
      return this.#session.calls.call(request.call, request.params ?? {}, request.key).effects;
    }
    if (request.subscribe !== undefined) {
      const take = () => this.#handedTo.includes(handler) || this.#handedTo.push(handler);
      const reference = this.#topics.subscribe(request.subscribe, take, { since: request.since });
      this.#handlers.set(`${request.subscribe} ${handler}`, reference);
      return [];
    }
    const reference = this.#handlers.get(`${request.unsubscribe} ${handler}`);
    expect(reference, "no such handler").toBeDefined();
    this.#topics.unsubscribeHandler(reference as HandlerReference);
    return [];
  }

  #withRealId(frame: Frame): Frame {
    const real = this.#realIds.get(frame["message_id"]);
    return real === undefined ? frame : { ...frame, message_id: real };
  }

  // Outcomes

  #take(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.kind === "open-socket") {
        expect(this.#session.state).toBe("connecting");
      } else if (effect.kind === "send") {
        this.#sent.push({ client: JSON.parse(effect.text) });
      } else if (effect.kind === "close-socket") {
        this.#sent.push({ client_closes: effect.code });
      } else if (effect.kind === "call-ended") {
        this.#delivered.push(describe(effect, []));
      } else {
        this.#handOver(effect);
      }
    }
  }

  #handOver(notice: Notice): void {
    if (notice.kind === "state") {
      expect(LEGAL_STATES[this.#state]).toContain(notice.state);
      this.#state = notice.state;
    }
    this.#handedTo = [];
    this.#listener(notice);
    this.#delivered.push(describe(notice, this.#handedTo));
  }

  /** What was done, with the vector's ids. */
  #shown(done: Step | undefined): unknown {
    const names = new Map([...this.#realIds].map(([named, real]) => [real, named]));
    return JSON.parse(JSON.stringify(done ?? null), (field, value) =>
      field === "message_id" || field === "call" ? (names.get(value) ?? value) : value,
    );
  }
}

/** What reached the application, as a step of a vector; fields that are undefined are not there. */
function describe(effect: Effect, handedTo: readonly string[]): Step {
  const to = handedTo.join() === DEFAULT_HANDLER ? {} : { to: handedTo };
  switch (effect.kind) {
    case "state":
      return { state: effect.state, code: effect.code, retry_in: effect.retryIn };
    case "event": {
      const { type, topic, seq, feedSeq, data, subscriptions } = effect;
      return { delivered: { event: { type, topic, seq, feed_seq: feedSeq, data }, for: subscriptions, ...to } };
    }
    case "snapshot": {
      const { type, topic, position, data } = effect;
      return { delivered: { snapshot: { type, topic, ...position, data }, ...to } };
    }
    case "reset":
      return { delivered: { reset: { topic: effect.topic, reason: effect.reason }, ...to } };
    case "opened":
      return { delivered: { opened: { topic: effect.topic, ...effect.position, recovered: effect.recovered } } };
    case "failed":
      return { delivered: { failed: { topic: effect.topic, code: effect.code, error: effect.sentence } } };
    case "call-ended": {
      const { type: _, message_id: __, ...outcome } = effect.reply ?? { type: "reply", cut: true };
      return { delivered: { reply: { call: effect.messageId, ...outcome } } };
    }
    case "notice": {
      const message: { type: string; code?: string } = effect.message;
      return { delivered: { notice: { type: message.type, code: message.code } } };
    }
    default:
      throw new Error(`Nothing for the application: ${effect.kind}`);
  }
}
