import type { Position } from "../../src/position.js";
import { feedTopic } from "../../src/topic.js";

/** An event as it was published: where it stands in each of its logs, and its frame. */
export interface Told {
  readonly id: string;
  readonly positions: ReadonlyMap<string, Position>;
  readonly frame: string;
}

interface Log {
  readonly epoch: string;
  seq: number;
  entries: { readonly seq: number; readonly told: Told }[];
}

/** A subscription on the connection: what was asked for, and how far its opening is. */
interface Attempt {
  readonly topic: string;
  readonly messageId: string | undefined;
  readonly since: Position | undefined;
  /** Undefined until the log was read; then what the snapshot will be stamped with. */
  stamp: Position | undefined;
  isLive: boolean;
}

/**
 * A small server after section 6 of the protocol: logs, one connection, and openings that wait to be carried on in an
 * order of the test's choosing.
 */
export class ModelServer {
  readonly published = new Map<string, Told>();
  readonly toClient: string[] = [];
  readonly late: Told[] = [];
  isLagging = false;
  readonly #logs = new Map<string, Log>();
  readonly #attempts = new Map<string, Attempt>();
  readonly #behind = new Map<string, Position>();
  #epochs = 0;

  /** @param snapshots the topics that have one. */
  constructor(
    readonly topics: readonly string[],
    readonly snapshots: ReadonlySet<string>,
  ) {
    this.restart();
  }

  get channels(): string[] {
    return [...this.topics, ...new Set(this.topics.map(feedTopic))];
  }

  log(channel: string): Log {
    const log = this.#logs.get(channel);
    if (!log) {
      throw new Error(`No log of ${channel}`);
    }
    return log;
  }

  /** The openings that wait. */
  get work(): string[] {
    return [...this.#attempts.values()].filter(({ isLive }) => !isLive).map(({ topic }) => topic);
  }

  /** What the connection is subscribed to. */
  get subscribed(): string[] {
    return [...this.#attempts.keys()];
  }

  restart(): void {
    this.cut();
    for (const channel of this.channels) {
      this.forget(channel);
    }
  }

  /** Forget a log that nobody is subscribed to, and its epoch. No event of it is late then. */
  forget(channel: string): void {
    if (!this.#attempts.has(channel)) {
      this.late.length = 0;
      this.#epochs += 1;
      this.#logs.set(channel, { epoch: `e${this.#epochs}`, seq: 0, entries: [] });
    }
  }

  /** The connection is gone, and all that was on its way. */
  cut(): void {
    this.toClient.length = 0;
    this.#attempts.clear();
    this.#behind.clear();
    this.isLagging = false;
  }

  /** Append an event to its logs; delivering it is another step. */
  publish(topic: string): Told {
    const positions = new Map<string, Position>();
    for (const channel of [topic, feedTopic(topic)]) {
      const log = this.log(channel);
      log.seq += 1;
      positions.set(channel, { epoch: log.epoch, seq: log.seq });
    }
    const id = `event ${this.published.size}`;
    const [seq, feed_seq] = [...positions.values()].map((position) => position.seq);
    const frame = JSON.stringify({ type: "changed", topic, seq, feed_seq, id, time: "now", data: null });
    const told = { id, positions, frame };
    for (const channel of positions.keys()) {
      const log = this.log(channel);
      log.entries.push({ seq: log.seq, told });
    }
    this.published.set(id, told);
    return told;
  }

  /** Write an event to the connection, once, if a subscription that is live wants it. */
  deliver(told: Told): void {
    const live = [...told.positions].filter(([channel]) => this.#attempts.get(channel)?.isLive);
    if (!live.length) {
      return;
    }
    if (!this.isLagging) {
      this.toClient.push(told.frame);
      return;
    }
    for (const [channel, { epoch, seq }] of live) {
      if (!this.#behind.has(channel)) {
        this.#behind.set(channel, { epoch, seq: seq - 1 });
      }
    }
  }

  /** Forget all but the newest entries of a log. */
  trim(channel: string, keep: number): void {
    const log = this.log(channel);
    log.entries = log.entries.slice(Math.max(0, log.entries.length - keep));
  }

  /** The client reads again: resume what it missed, unasked. */
  catchUp(): void {
    this.isLagging = false;
    const behind = [...this.#behind];
    this.#behind.clear();
    for (const [channel, position] of behind) {
      this.#attempts.set(channel, this.#opening(channel, undefined, position));
      this.carryOn(channel);
    }
  }

  receive(text: string): void {
    const message = JSON.parse(text);
    if (message.type === "subscribe") {
      for (const element of message.topics) {
        const topic = element.topic ?? element;
        this.#replace(topic);
        this.#attempts.set(topic, this.#opening(topic, message.message_id, element.since));
      }
    } else if (message.type === "unsubscribe") {
      for (const topic of message.topics) {
        this.#replace(topic);
      }
      this.#send({ type: "unsubscribe_success", topics: message.topics, message_id: message.message_id });
    }
  }

  #opening(topic: string, messageId: string | undefined, since: Position | undefined): Attempt {
    return { topic, messageId, since, stamp: undefined, isLive: false };
  }

  /** A newer request takes the place of an attempt, which hears of it if it had no answer. */
  #replace(topic: string): void {
    const old = this.#attempts.get(topic);
    this.#attempts.delete(topic);
    this.#behind.delete(topic);
    if (old && !old.isLive && old.messageId !== undefined) {
      this.#send({ type: "error", code: "conflict", error: "Replaced", topic, message_id: old.messageId });
    }
  }

  /** Let the topic of an opening fail for an error on the server. */
  fail(topic: string): void {
    const attempt = this.#attempts.get(topic);
    if (attempt?.messageId !== undefined) {
      this.#attempts.delete(topic);
      this.#send({ type: "error", code: "internal", error: "It broke", topic, message_id: attempt.messageId });
    }
  }

  /** Do the next step of an opening: read the log and resume, or begin a snapshot; or send the snapshot. */
  carryOn(topic: string): void {
    const attempt = this.#attempts.get(topic);
    if (!attempt || attempt.isLive) {
      return;
    }
    const { epoch, seq } = this.log(topic);
    if (attempt.stamp) {
      this.#fresh(attempt, attempt.stamp);
    } else if (attempt.since && this.#isRetained(topic, attempt.since)) {
      this.#resume(attempt, attempt.since);
    } else {
      attempt.stamp = { epoch, seq };
      if (attempt.since) {
        this.#send({ type: "reset", topic, reason: attempt.since.epoch === epoch ? "gap" : "epoch" });
      }
    }
  }

  #fresh(attempt: Attempt, stamp: Position): void {
    const { topic, messageId: message_id } = attempt;
    const log = this.log(topic);
    if (!this.#isRetained(topic, stamp)) {
      attempt.stamp = { epoch: log.epoch, seq: log.seq };
      return; // What was held back does not join: begin the snapshot anew.
    }
    const answer = { topic, ...stamp, message_id };
    this.#send(
      this.snapshots.has(topic) ? { type: "state", ...answer, data: log.seq } : { type: "subscribed", ...answer },
    );
    const held = log.entries.filter(({ seq }) => seq > stamp.seq);
    if (held.length) {
      this.#send({ type: "resumed", topic, epoch: log.epoch, seq: log.seq, recovered: held.length });
    }
    this.toClient.push(...held.map(({ told }) => told.frame));
    attempt.isLive = true;
  }

  #resume(attempt: Attempt, since: Position): void {
    const { topic, messageId: message_id } = attempt;
    const { epoch, seq, entries } = this.log(topic);
    const missed = entries.filter((entry) => entry.seq > since.seq);
    this.#send({ type: "resumed", topic, epoch, seq, recovered: missed.length, message_id });
    this.toClient.push(...missed.map(({ told }) => told.frame));
    attempt.isLive = true;
  }

  #isRetained(topic: string, since: Position): boolean {
    const { epoch, seq, entries } = this.log(topic);
    const first = entries[0]?.seq ?? seq + 1;
    return since.epoch === epoch && since.seq <= seq && since.seq + 1 >= first;
  }

  #send(message: object): void {
    this.toClient.push(JSON.stringify(message));
  }
}
