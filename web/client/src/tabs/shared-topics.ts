import type { Notice, Noticed, ReceivedEvent, StateChanged } from "../effects.js";
import type { Line } from "../line.js";
import type { Position } from "../position.js";
import type { HubTab } from "./hub-tab.js";
import type { HubNotice } from "./messages.js";
import { type Member, SharedTopic } from "./shared-topic.js";

/** All topics that tabs want of one line, counted per tab: the last tab gives a topic up. */
export class SharedTopics {
  readonly #line: Line;
  readonly #post: (tab: HubTab, notice: HubNotice) => void;
  readonly #topics = new Map<string, SharedTopic<HubTab>>();

  constructor(line: Line, post: (tab: HubTab, notice: HubNotice) => void) {
    this.#line = line;
    this.#post = post;
  }

  subscribe(tab: HubTab, id: number, topic: string, since: Position | undefined): void {
    let shared = this.#topics.get(topic);
    if (!shared) {
      shared = new SharedTopic<HubTab>(topic, {
        ask: (from) => this.#line.subscribe(topic, from),
        tell: (member, ...notices) => this.#post(member.tab, { kind: "topic", id: member.id, notices }),
      });
      this.#topics.set(topic, shared);
    }
    tab.topics.add(topic);
    shared.join(tab, id, since, this.#line.state === "connected");
  }

  unsubscribe(tab: HubTab, topic: string): void {
    tab.topics.delete(topic);
    const shared = this.#topics.get(topic);
    shared?.leave(tab);
    if (shared && !shared.isWanted) {
      this.#topics.delete(topic);
      this.#line.unsubscribe(topic);
    }
  }

  /** A tab is gone. */
  leave(tab: HubTab): void {
    for (const topic of [...tab.topics]) {
      this.unsubscribe(tab, topic);
    }
  }

  /** The connection is gone. */
  cut(): void {
    for (const topic of this.#topics.values()) {
      topic.cut();
    }
  }

  /** Take what the line has for a topic. */
  take(notice: Exclude<Notice, StateChanged | Noticed>): void {
    switch (notice.kind) {
      case "event":
        this.#event(notice);
        return;
      case "opened":
        this.#topics.get(notice.topic)?.opened(notice);
        return;
      case "snapshot":
        this.#topics.get(notice.topic)?.snapshot(notice);
        return;
      case "reset":
        this.#topics.get(notice.topic)?.reset(notice.reason);
        return;
      case "failed": {
        const shared = this.#topics.get(notice.topic);
        this.#topics.delete(notice.topic);
        shared?.failed(notice);
        return;
      }
    }
  }

  /** Tell an event to each tab once, for those of its topics to which it is new. */
  #event(notice: ReceivedEvent): void {
    const told = new Map<HubTab, Member<HubTab>[]>();
    for (const topic of notice.subscriptions) {
      const seq = topic.endsWith(":*") ? notice.feedSeq : notice.seq;
      for (const member of this.#topics.get(topic)?.event(seq ?? Number.NaN) ?? []) {
        told.set(member.tab, [...(told.get(member.tab) ?? []), member]);
      }
    }
    const event = { ...notice, subscriptions: [] };
    for (const [tab, members] of told) {
      this.#post(tab, { kind: "event", ids: members.map(({ id }) => id), event });
    }
  }
}
