import { expect } from "vitest";
import { ClientSession } from "../../src/client-session.js";
import type { Effect, LineState, TopicOpened } from "../../src/effects.js";
import type { Position } from "../../src/position.js";
import { LEGAL_STATES } from "./legal-states.js";
import type { ModelServer } from "./model-server.js";

/** What the application holds of one subscription; it accepts exactly what may come next. */
export class Reader {
  isBroken = false;

  constructor(
    readonly hasSnapshot: boolean,
    public cursor: Position | undefined,
  ) {}

  /** Only an unbroken stream is resumed, and only a new or a broken one begins elsewhere without a snapshot. */
  opened({ position, recovered }: TopicOpened): void {
    if (recovered !== undefined) {
      expect(this.isBroken).toBe(false);
      expect(this.cursor?.epoch).toBe(position.epoch);
    } else if (!this.hasSnapshot) {
      expect(!this.cursor || this.isBroken, "a hole that nobody told of").toBe(true);
      this.#begin(position);
    }
  }

  snapshot(position: Position, state: number): void {
    expect(state).toBeGreaterThanOrEqual(position.seq);
    this.#begin(position);
  }

  event(position: Position | undefined): void {
    expect(this.isBroken).toBe(false);
    expect(position).toEqual({ epoch: this.cursor?.epoch, seq: (this.cursor?.seq ?? Number.NaN) + 1 });
    this.cursor = position;
  }

  #begin(position: Position): void {
    this.cursor = position;
    this.isBroken = false;
  }
}

/** The real session with a reader for each subscription, which checks all that the application receives. */
export class ModelClient {
  readonly session = new ClientSession();
  readonly readers = new Map<string, Reader>();
  readonly toServer: string[] = [];
  #now = 0;
  #state: LineState = "idle";

  constructor(readonly server: ModelServer) {}

  get isConnected(): boolean {
    return this.session.state === "connected";
  }

  /** Whether a subscription failed for a passing reason and waits for its next try. */
  get wantsToRetry(): boolean {
    return this.isConnected && this.session.subscriptions.deadline() <= this.#now + 1;
  }

  /** Wait as long as the client wants to, then connect. */
  connect(): void {
    if (this.session.state === "idle") {
      this.take(this.session.start());
    }
    if (this.session.state === "waiting") {
      this.advance(30);
    }
    if (this.session.state === "connecting") {
      this.take(this.session.opened(this.#now));
    }
  }

  cut(): void {
    this.toServer.length = 0;
    this.server.cut();
    this.take(this.session.closed(1006, "", this.#now, 0.5));
  }

  advance(seconds: number): void {
    this.#now += seconds;
    this.take(this.session.tick(this.#now, 0.5));
  }

  subscribe(name: string, since?: Position): void {
    if (!this.readers.has(name)) {
      this.readers.set(name, new Reader(this.server.snapshots.has(name), since));
      this.take(this.session.subscriptions.subscribe(name, since));
    }
  }

  unsubscribe(name: string): void {
    if (this.readers.delete(name)) {
      this.take(this.session.subscriptions.unsubscribe(name));
    }
  }

  receive(text: string | undefined): void {
    if (text !== undefined) {
      this.take(this.session.receive(text, this.#now));
    }
  }

  /** Carry effects out, and check what the application gets. */
  take(effects: readonly Effect[]): void {
    for (const effect of effects) {
      this.#carryOut(effect);
    }
  }

  #carryOut(effect: Effect): void {
    switch (effect.kind) {
      case "send":
        this.toServer.push(effect.text);
        break;
      case "close-socket":
        this.toServer.length = 0;
        this.server.cut();
        break;
      case "state":
        expect(LEGAL_STATES[this.#state]).toContain(effect.state);
        this.#state = effect.state;
        break;
      case "opened":
        this.#reader(effect.topic).opened(effect);
        break;
      case "snapshot":
        this.#reader(effect.topic).snapshot(effect.position, effect.data as number);
        break;
      case "reset":
        this.#reader(effect.topic).isBroken = true;
        break;
      case "event":
        for (const name of effect.subscriptions) {
          this.#reader(name).event(this.server.published.get(effect.id)?.positions.get(name));
        }
        break;
      case "failed":
      case "call-ended":
        throw new Error(`This should not happen: ${JSON.stringify(effect)}`);
    }
  }

  #reader(name: string): Reader {
    const reader = this.readers.get(name);
    expect(reader, `nobody subscribed to ${name}`).toBeDefined();
    return reader as Reader;
  }
}
