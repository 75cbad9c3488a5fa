import { number, send, text } from "./codec.js";
import type { Effect, ReceivedEvent, TopicFailed } from "./effects.js";
import type { ErrorMessage, EventMessage, Resumed, Snapshot, Subscribed, TopicSince } from "./generated/messages.js";
import type { LineStats } from "./line-stats.js";
import { judge, type Position } from "./position.js";
import { newId, type Requests } from "./requests.js";
import { checkTopic, feedTopic } from "./topic.js";

/** One topic that the application wants. */
interface Subscription {
  readonly topic: string;
  /** What was processed. */
  position: Position | undefined;
  /** The message id of the attempt in flight. */
  asked?: string | undefined;
  isLive: boolean;
  hasSnapshot: boolean;
  /** When an attempt that failed for a passing reason is made again. */
  retryAt?: number | undefined;
  /** While a hole is being repaired, the number that came too early. */
  holeEnd?: number | undefined;
}

/** The topics that the application wants, and where each stands: section 6 of the protocol, the client's side. */
export class Subscriptions {
  readonly #all = new Map<string, Subscription>();
  readonly #requests: Requests;
  readonly #stats: LineStats;
  readonly #retryAfter: number;
  /** The topic whose missed events come next, and how many are left. */
  #replaying: { readonly topic: string; left: number } | undefined;

  /** @param retryAfter seconds before a subscription that failed for a passing reason is tried again. */
  constructor(requests: Requests, stats: LineStats, retryAfter = 1) {
    this.#requests = requests;
    this.#stats = stats;
    this.#retryAfter = retryAfter;
  }

  /** What has been processed of each topic, where anything has. */
  positions(): Map<string, Position> {
    const positions = new Map<string, Position>();
    for (const { topic, position } of this.#all.values()) {
      if (position) {
        positions.set(topic, position);
      }
    }
    return positions;
  }

  /**
   * Want a topic, from a position on; if it is subscribed already, it is asked for anew, from there.
   *
   * @throws RequestError `invalid_topic` if it is no topic.
   */
  subscribe(topic: string, since?: Position): Effect[] {
    checkTopic(topic);
    const subscription = { topic, position: since, isLive: false, hasSnapshot: false };
    this.#all.set(topic, subscription);
    return this.#ask([subscription]);
  }

  /** Ask for a fresh snapshot of a topic that has one; without a connection it comes after the next one is made. */
  refresh(topic: string): Effect[] {
    const sub = this.#all.get(topic);
    if (!sub?.hasSnapshot) {
      return [];
    }
    sub.position = undefined;
    return this.#ask([sub]);
  }

  /** Want a topic no more; what is in flight of it is ignored. */
  unsubscribe(topic: string): Effect[] {
    if (!this.#all.delete(topic) || !this.#requests.areReady) {
      return [];
    }
    return [send({ type: "unsubscribe", topics: [topic], message_id: newId(this.#requests) })];
  }

  /** Whether a subscribed topic is known to have a snapshot. */
  hasSnapshot(topic: string): boolean {
    return this.#all.get(topic)?.hasSnapshot ?? false;
  }

  /** Subscribe to all topics in one message, each with its position. */
  ready(): Effect[] {
    return this.#ask([...this.#all.values()]);
  }

  /** The connection is gone, and all but the positions with it. */
  cut(): void {
    this.#replaying = undefined;
    for (const sub of this.#all.values()) {
      sub.isLive = false;
      sub.asked = sub.retryAt = undefined;
    }
  }

  /** When `tick` has something to do. */
  deadline(): number {
    let deadline = Number.POSITIVE_INFINITY;
    for (const { retryAt } of this.#all.values()) {
      deadline = Math.min(deadline, retryAt ?? deadline);
    }
    return deadline;
  }

  /** Subscribe again where the pause after a passing failure is over. */
  tick(now: number): Effect[] {
    return this.#ask([...this.#all.values()].filter((sub) => sub.retryAt !== undefined && now >= sub.retryAt));
  }

  #ask(subscriptions: readonly Subscription[]): Effect[] {
    if (!this.#requests.areReady || !subscriptions.length) {
      return [];
    }
    const messageId = newId(this.#requests);
    const topics: (string | TopicSince)[] = [];
    for (const sub of subscriptions) {
      sub.asked = messageId;
      sub.isLive = false;
      sub.retryAt = sub.holeEnd = undefined;
      topics.push(sub.position ? { topic: sub.topic, since: sub.position } : sub.topic);
    }
    return [send({ type: "subscribe", topics, message_id: messageId })];
  }

  /** Give an event to the subscriptions it is new for; subscribe again where it shows a hole. */
  event(message: EventMessage): Effect[] {
    const effects: Effect[] = [];
    const fresh: string[] = [];
    for (const [topic, seq] of this.#numbers(message)) {
      const sub = this.#all.get(topic);
      if (sub && this.#process(sub, seq, effects)) {
        fresh.push(topic);
      }
    }
    return fresh.length ? [received(message, fresh), ...effects] : effects;
  }

  /** Whether a number is the next of a subscription, which then stands there. */
  #process(sub: Subscription, seq: number, effects: Effect[]): boolean {
    if (!sub.isLive || !sub.position) {
      this.#stats.reordered += fillsHole(sub, seq) ? 1 : 0;
      return false;
    }
    const step = judge(sub.position.seq, seq);
    if (step === "next") {
      sub.position = { epoch: sub.position.epoch, seq };
      return true;
    }
    if (step === "old") {
      this.#stats.duplicates += 1;
      return false;
    }
    this.#stats.gaps += 1;
    effects.push(...this.#ask([sub]));
    sub.holeEnd = seq;
    return false;
  }

  /**
   * The topics an event belongs to, with its number in each.
   *
   * The frames of a replay count for the resumed topic alone: what they are to other subscriptions comes in those
   * subscriptions' own time. A frame that does not concern that topic ends the replay.
   */
  #numbers(message: EventMessage): readonly (readonly [string, number])[] {
    const topic = text(message.topic);
    const numbers: [string, number][] = [[topic, number(message.seq)]];
    if (message.feed_seq != null) {
      numbers.push([feedTopic(topic), number(message.feed_seq)]);
    }
    const replay = this.#replaying;
    if (!replay) {
      return numbers;
    }
    replay.left -= 1;
    const own = numbers.filter(([name]) => name === replay.topic);
    if (!own.length || !replay.left) {
      this.#replaying = undefined;
    }
    return own.length ? own : numbers;
  }

  /**
   * Take the verdict on a subscription; one for an older attempt is ignored.
   *
   * An answer nobody asked for (no `message_id`) is the server's own repair of a live subscription. While an attempt
   * of ours is in flight it is an older one too: ours takes its place on the server, and is answered.
   */
  answer(message: Snapshot | Subscribed | Resumed): Effect[] {
    const resumed = isResumed(message) ? message : undefined;
    if (resumed) {
      const left = number(resumed.recovered);
      this.#replaying = left ? { topic: resumed.topic, left } : undefined;
    }
    const { topic } = message;
    const sub = this.#all.get(topic);
    if (!sub || (message.message_id ?? undefined) !== sub.asked) {
      return [];
    }
    const position = { epoch: text(message.epoch), seq: number(message.seq) };
    sub.asked = sub.retryAt = undefined;
    sub.isLive = true;
    if (resumed) {
      return this.#resumed(sub, position, resumed.recovered);
    }
    sub.position = position;
    const hasSnapshot = "data" in message;
    sub.hasSnapshot = hasSnapshot;
    const opened: Effect = { kind: "opened", topic, position, hasSnapshot };
    if (!hasSnapshot) {
      return [opened];
    }
    return [opened, { kind: "snapshot", type: message.type, topic, position, data: message.data }];
  }

  #resumed(sub: Subscription, position: Position, recovered: number): Effect[] {
    if (sub.position?.epoch !== position.epoch) {
      return this.#ask([sub]);
    }
    this.#stats.recovered += recovered;
    return [{ kind: "opened", topic: sub.topic, position, recovered }];
  }

  /** Tell that a stream broke, once. The position is void, even if the line is cut before the fresh start. */
  reset(topic: string, reason: string): Effect[] {
    const sub = this.#all.get(topic);
    if (!sub?.position) {
      return [];
    }
    sub.position = undefined;
    sub.isLive = false;
    this.#stats.resets += 1;
    return [{ kind: "reset", topic, reason }];
  }

  /** The right to a topic ended. */
  revoke(topic: string, sentence: string): Effect[] {
    return this.#all.delete(topic) ? [{ kind: "failed", topic, code: undefined, sentence }] : [];
  }

  error(message: ErrorMessage, isPassing: boolean, now: number): Effect[] {
    const failed = this.#failedBy(message, isPassing);
    if (!failed.length || isPassing) {
      for (const sub of failed) {
        sub.isLive = false;
        sub.retryAt = now + this.#retryAfter;
      }
      return [{ kind: "notice", message }];
    }
    return failed.map(({ topic }): TopicFailed => {
      this.#all.delete(topic);
      return { kind: "failed", topic, code: message.code, sentence: message.error };
    });
  }

  /**
   * The subscriptions that an error speaks of: one by its topic, or all that were asked for in one message.
   *
   * A message refused unread has no id in its error, so any attempt in flight may be the one; asking twice is safe.
   */
  #failedBy(message: ErrorMessage, isPassing: boolean): Subscription[] {
    const messageId = message.message_id ?? undefined;
    if (message.topic != null) {
      const sub = this.#all.get(message.topic);
      return sub && sub.asked === messageId ? [sub] : [];
    }
    const asking = [...this.#all.values()].filter((sub) => sub.asked !== undefined);
    if (messageId === undefined) {
      return isPassing ? asking : [];
    }
    return asking.filter((sub) => sub.asked === messageId);
  }
}

/** Whether an event would have come before one that was seen already. */
function fillsHole({ holeEnd, position }: Subscription, seq: number): boolean {
  return holeEnd !== undefined && position !== undefined && position.seq < seq && seq < holeEnd;
}

function isResumed(message: Snapshot | Subscribed | Resumed): message is Resumed {
  return message.type === "resumed";
}

function received(message: EventMessage, subscriptions: readonly string[]): ReceivedEvent {
  const { type, topic, seq, id, time, data } = message;
  return { kind: "event", type, topic, seq, feedSeq: message.feed_seq ?? undefined, id, time, data, subscriptions };
}
