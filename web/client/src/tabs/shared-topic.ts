import type { ReceivedSnapshot, TopicOpened } from "../effects.js";
import type { Position } from "../position.js";
import type { TopicNotice } from "./messages.js";

/** One tab's part in a topic: it is told what comes after its own position, whatever the others are told. */
export interface Member<Tab> {
  readonly tab: Tab;
  /** The tab's number for the topic. */
  readonly id: number;
  /** What the tab was told; undefined until it was given a beginning. */
  position: Position | undefined;
  /** It was told that the topic is open since the line was made. */
  isOpen: boolean;
}

/** What a shared topic brings about. */
export interface TopicEffects<Tab> {
  /** Subscribe the line to the topic, anew if it is subscribed, from a position or from a fresh beginning. */
  ask(since: Position | undefined): void;
  tell(member: Member<Tab>, ...notices: readonly TopicNotice[]): void;
}

/**
 * One topic of a line that several tabs want, each from a position of its own.
 *
 * A line stands at one position. So it is asked in rounds: for a fresh beginning where a tab needs one, then from the
 * position of the tab that is furthest behind, until all stand where the line stands. What a tab was told already is not
 * told again. It holds no events: what a tab has missed, the server sends.
 */
export class SharedTopic<Tab> {
  readonly #topic: string;
  readonly #effects: TopicEffects<Tab>;
  readonly #members = new Map<Tab, Member<Tab>>();
  /** Where the line stands: what it was asked from, then what has come. */
  #base: Position | undefined;
  #isAsked = false;
  /** A request is on its way to the server; without a connection it can still be another one. */
  #isAsking = false;
  /** Undefined until a fresh beginning has told. */
  #hasSnapshot: boolean | undefined;
  /** The fresh beginning that waits for its snapshot, which follows at once. */
  #beginning: TopicOpened | undefined;

  constructor(topic: string, effects: TopicEffects<Tab>) {
    this.#topic = topic;
    this.#effects = effects;
  }

  get isWanted(): boolean {
    return this.#members.size > 0;
  }

  /** A tab wants the topic; a request of the same tab before this one is forgotten. */
  join(tab: Tab, id: number, since: Position | undefined, isLineUp: boolean): void {
    this.#members.set(tab, { tab, id, position: since, isOpen: false });
    if (!this.#isAsking || !isLineUp) {
      this.#goOn();
    }
  }

  leave(tab: Tab): void {
    this.#members.delete(tab);
  }

  /** The connection is gone; the line asks again by itself, from where it stands. */
  cut(): void {
    this.#isAsking = true;
    this.#beginning = undefined;
    for (const member of this.#members.values()) {
      member.isOpen = false;
    }
    this.#goOn();
  }

  // What the line has for the topic

  /** The server has answered. */
  opened(notice: TopicOpened): void {
    if (notice.recovered === undefined) {
      this.#hasSnapshot = notice.hasSnapshot;
      this.#base = notice.position;
    }
    this.#beginning = notice.hasSnapshot ? notice : undefined;
    if (!this.#beginning) {
      this.#opened(notice);
    }
  }

  /** The snapshot of a fresh beginning, for those who need one alone. */
  snapshot(notice: ReceivedSnapshot): void {
    const opened = this.#beginning;
    this.#beginning = undefined;
    if (opened) {
      this.#opened(opened, notice);
    }
  }

  #opened(notice: TopicOpened, ...snapshot: ReceivedSnapshot[]): void {
    this.#isAsking = false;
    for (const member of this.#members.values()) {
      this.#leaveOtherEpoch(member, notice.position);
      if (member.position) {
        this.#resume(member, notice.position);
      } else if (notice.recovered === undefined) {
        this.#begin(member, notice, ...snapshot);
      }
    }
    this.#goOn();
  }

  /** The line could not go on from where it stands; a fresh beginning follows. Who is further on may still resume. */
  reset(reason: string): void {
    const stood = this.#base;
    this.#base = undefined;
    this.#isAsking = true;
    for (const member of this.#members.values()) {
      const { position } = member;
      if (position && !(stood && position.epoch === stood.epoch && position.seq > stood.seq)) {
        this.#reset(member, reason);
      }
    }
  }

  /** An event that is the line's next; returns the tabs to which it is new. */
  event(seq: number): Member<Tab>[] {
    if (!this.#base) {
      return [];
    }
    const position = { epoch: this.#base.epoch, seq };
    this.#base = position;
    const told: Member<Tab>[] = [];
    for (const member of this.#members.values()) {
      if (member.isOpen && member.position?.seq === seq - 1) {
        member.position = position;
        told.push(member);
      }
    }
    return told;
  }

  /** The server refused the topic, or took it away. */
  failed(notice: TopicNotice): void {
    for (const member of this.#members.values()) {
      this.#effects.tell(member, notice);
    }
    this.#members.clear();
  }

  // Rounds

  #leaveOtherEpoch(member: Member<Tab>, position: Position): void {
    if (member.position && member.position.epoch !== position.epoch) {
      this.#reset(member, "epoch");
    }
  }

  #begin(member: Member<Tab>, opened: TopicOpened, ...snapshot: ReceivedSnapshot[]): void {
    member.position = opened.position;
    member.isOpen = true;
    this.#effects.tell(member, opened, ...snapshot);
  }

  /** Tell a tab that the topic is open, if what comes from now on continues what it has; up to `end`, it was missed. */
  #resume(member: Member<Tab>, end: Position): void {
    if (!member.isOpen && member.position && this.#isServed(member)) {
      member.isOpen = true;
      const recovered = Math.max(0, end.seq - member.position.seq);
      const position = recovered ? end : member.position;
      this.#effects.tell(member, { kind: "opened", topic: this.#topic, position, recovered });
    }
  }

  /** The line stands somewhere, and goes on from there: open the topic for those whom that serves. */
  #admit(base: Position): void {
    for (const member of this.#members.values()) {
      if (!member.isOpen) {
        this.#leaveOtherEpoch(member, base);
        this.#resume(member, base);
        if (!member.position && this.#hasSnapshot === false) {
          this.#begin(member, { kind: "opened", topic: this.#topic, position: base, hasSnapshot: false });
        }
      }
    }
  }

  /** Whether what comes next reaches a tab without a hole. */
  #isServed({ position }: Member<Tab>): boolean {
    const base = this.#base;
    return !!base && !!position && position.epoch === base.epoch && position.seq >= base.seq;
  }

  /** Ask for what is missing to a tab; where nothing is, open the topic for those who came since. */
  #goOn(): void {
    if (this.#base && !this.#isAsking) {
      this.#admit(this.#base);
    }
    const unserved = [...this.#members.values()].filter((member) => !this.#isServed(member));
    const [first] = unserved;
    if (!first) {
      return;
    }
    const since = unserved.some(({ position }) => !position) ? undefined : this.#lowest(unserved);
    if (this.#isAsked && this.#isAsking && since?.seq === this.#base?.seq && since?.epoch === this.#base?.epoch) {
      return; // It is what was asked for.
    }
    this.#base = since;
    this.#isAsked = this.#isAsking = true;
    this.#effects.ask(since);
  }

  /** The lowest position of the line's epoch, or of the first tab's where no tab is in the line's. */
  #lowest(unserved: readonly Member<Tab>[]): Position | undefined {
    const positions = unserved.flatMap(({ position }) => position ?? []);
    const known = positions.find(({ epoch }) => epoch === this.#base?.epoch) ?? positions[0];
    return positions
      .filter(({ epoch }) => epoch === known?.epoch)
      .reduce((lowest, position) => (position.seq < lowest.seq ? position : lowest));
  }

  #reset(member: Member<Tab>, reason: string): void {
    member.position = undefined;
    member.isOpen = false;
    this.#effects.tell(member, { kind: "reset", topic: this.#topic, reason });
  }
}
