import type { Notice } from "../effects.js";
import type { Position } from "../position.js";
import { checkTopic } from "../topic.js";
import type { HubNotice, TabRequest, TopicNotice, WantedTopic } from "./messages.js";

interface TabTopic {
  readonly id: number;
  readonly topic: string;
  position: Position | undefined;
  hasSnapshot: boolean;
}

/**
 * The topics that a tab wants, and how far it has processed each.
 *
 * Each request for a topic has a number of its own: what was on its way for an older one is not heard.
 */
export class TabTopics {
  readonly #post: (request: TabRequest) => void;
  readonly #byName = new Map<string, TabTopic>();
  readonly #byId = new Map<number, TabTopic>();
  #ids = 0;

  constructor(post: (request: TabRequest) => void) {
    this.#post = post;
  }

  /** What to ask a hub for that knows nothing of this tab. */
  wanted(): WantedTopic[] {
    return [...this.#byName.values()].map(({ id, topic, position }) => ({ id, topic, since: position }));
  }

  positions(): Map<string, Position> {
    const positions = new Map<string, Position>();
    for (const { topic, position } of this.#byName.values()) {
      if (position) {
        positions.set(topic, position);
      }
    }
    return positions;
  }

  /** Want a topic. Throws `RequestError` if it is none. */
  subscribe(topic: string, since: Position | undefined, hasSnapshot = false): void {
    checkTopic(topic);
    this.#forget(topic);
    const wanted = { id: ++this.#ids, topic, position: since, hasSnapshot };
    this.#byName.set(topic, wanted);
    this.#byId.set(wanted.id, wanted);
    this.#post({ kind: "subscribe", id: wanted.id, topic, since });
  }

  refresh(topic: string): boolean {
    if (!this.#byName.get(topic)?.hasSnapshot) {
      return false;
    }
    this.subscribe(topic, undefined, true);
    return true;
  }

  unsubscribe(topic: string): void {
    if (this.#forget(topic)) {
      this.#post({ kind: "unsubscribe", topic });
    }
  }

  /** Take an event; returns what the application is handed, if anything. */
  event({ ids, event }: HubNotice & { kind: "event" }): Notice | undefined {
    const subscriptions: string[] = [];
    for (const id of ids) {
      const wanted = this.#byId.get(id);
      if (wanted?.position) {
        wanted.position = { epoch: wanted.position.epoch, seq: wanted.position.seq + 1 };
        subscriptions.push(wanted.topic);
      }
    }
    return subscriptions.length ? { ...event, subscriptions } : undefined;
  }

  /** The same for what else comes for a topic. */
  take(id: number, notice: TopicNotice): Notice | undefined {
    const wanted = this.#byId.get(id);
    if (!wanted) {
      return undefined;
    }
    switch (notice.kind) {
      case "opened":
        if (notice.recovered === undefined) {
          wanted.position = notice.position;
        }
        break;
      case "snapshot":
        wanted.position = notice.position;
        wanted.hasSnapshot = true;
        break;
      case "reset":
        wanted.position = undefined;
        break;
      case "failed":
        this.#forget(wanted.topic);
    }
    return notice;
  }

  #forget(topic: string): boolean {
    const wanted = this.#byName.get(topic);
    this.#byName.delete(topic);
    return !!wanted && this.#byId.delete(wanted.id);
  }
}
