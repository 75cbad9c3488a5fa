import type { Signal, Signals } from "../signals.js";
import type { Timers } from "../timers.js";
import type { HubNotice, TabRequest } from "./messages.js";
import type { HubPort, Share, ShareKind } from "./share.js";

export interface StayOptions {
  /** Ways to share the line, best first; the next is taken where one fails. Never empty. */
  readonly shares: readonly [Share, ...Share[]];
  /** Hold a Web Lock of this name, then call back; returns what releases it. */
  readonly holdLock: (name: string, held: () => void) => () => void;
  readonly makeId: () => string;
  readonly signals: Signals;
  readonly timers: Timers;
}

export interface StayEvents {
  /** A hub is there: say `hello`. */
  hello(): void;
  received(notice: HubNotice): void;
  lost(reason: string): void;
}

/** Seconds between two questions whether the hub is there. */
const PING = 20;

/** Seconds for an answer. */
const PATIENCE = 8;

/** Seconds for the first answer: a worker has to be loaded, on a machine that may be busy. */
const FIRST = 20;

/** Messages after which the hub is told that they were processed. */
const ACKNOWLEDGED = 100;

/**
 * A tab's stay with the hub: joins, notices when the hub is gone, joins another, and steps aside while the page is put
 * away.
 *
 * Each stay has an id of its own, which names the Web Lock by whose release the hub learns that the tab has died.
 */
export class Stay {
  readonly #options: StayOptions;
  readonly #events: StayEvents;
  /** Names the present stay. */
  id = "";
  #share: Share;
  #isOpen = false;
  #isAway = false;
  #port: HubPort | undefined;
  #release: () => void = () => {};
  #stopSignals: (() => void) | undefined;
  #timer: unknown;
  #unacknowledged = 0;

  constructor(options: StayOptions, events: StayEvents) {
    this.#options = options;
    this.#events = events;
    this.#share = options.shares[0];
  }

  /** The application wants the line. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  get kind(): ShareKind {
    return this.#share.kind;
  }

  open(): void {
    this.#isOpen = true;
    this.#stopSignals ??= this.#options.signals((signal) => this.#hear(signal));
    this.#join();
  }

  close(): void {
    this.#isOpen = false;
    this.#stopSignals?.();
    this.#stopSignals = undefined;
    this.#part();
  }

  /** Say something to the hub; where there is none, nobody hears it. */
  post(request: TabRequest): void {
    this.#port?.post(request);
  }

  // Joining and parting

  #join(): void {
    const id = this.#options.makeId();
    this.id = id;
    this.#release = this.#options.holdLock(id, () => this.id === id && this.#open(id));
  }

  #open(id: string): void {
    const share = this.#share;
    const isCurrent = () => this.id === id && this.#share === share;
    this.#awaitAnswer(FIRST);
    share.open(id, {
      joined: (port) => {
        if (isCurrent()) {
          this.#port = port;
          this.#unacknowledged = 0;
          this.#awaitAnswer(FIRST);
          this.#events.hello();
        }
      },
      received: (notice) => isCurrent() && this.#receive(notice),
      lost: (reason) => isCurrent() && this.#lost(reason),
      died: (reason) => isCurrent() && this.#rejoin(reason),
      failed: () => isCurrent() && this.#next(),
    });
  }

  #part(): void {
    this.#options.timers.clear(this.#timer);
    this.post({ kind: "bye" });
    this.#port = undefined;
    this.id = "";
    this.#share.close();
    this.#release();
  }

  /** This way of sharing does not work here: take the next. */
  #next(): void {
    const { shares } = this.#options;
    const next = shares[shares.indexOf(this.#share) + 1];
    if (next) {
      this.#part();
      this.#share = next;
      this.#join();
    }
  }

  #rejoin(reason: string): void {
    this.#part();
    this.#events.lost(reason);
    this.#isOpen && !this.#isAway && this.#join();
  }

  #lost(reason: string): void {
    this.#port = undefined;
    this.#events.lost(reason);
    this.#awaitAnswer(PATIENCE);
  }

  #receive(notice: HubNotice): void {
    if (notice.kind === "dropped") {
      this.#rejoin(notice.reason);
      return;
    }
    this.#unacknowledged += 1;
    if (this.#unacknowledged === ACKNOWLEDGED) {
      this.post({ kind: "ack", count: ACKNOWLEDGED });
      this.#unacknowledged = 0;
    }
    if (notice.kind === "pong" || notice.kind === "welcome") {
      this.#pingLater();
    }
    this.#events.received(notice);
  }

  // Is the hub there?

  #pingLater(): void {
    const { timers } = this.#options;
    timers.clear(this.#timer);
    this.#timer = timers.set(() => {
      this.post({ kind: "ping" });
      this.#awaitAnswer(PATIENCE);
    }, PING);
  }

  #awaitAnswer(seconds: number): void {
    const { timers } = this.#options;
    timers.clear(this.#timer);
    this.#timer = timers.set(() => {
      this.#awaitAnswer(seconds);
      const todo = this.#share.retry();
      if (todo === "again") {
        this.#rejoin("The shared worker does not answer");
      } else if (todo === "next") {
        this.#next();
      }
    }, seconds);
  }

  // Surroundings

  #hear(signal: Signal): void {
    if (signal === "suspend") {
      if (!this.#isAway) {
        this.#isAway = true;
        this.#part();
        this.#events.lost("The page is put away");
      }
    } else if (this.#isAway) {
      if (signal === "wake") {
        this.#isAway = false;
        this.#join();
      }
    } else {
      this.post({ kind: "signal", signal });
    }
  }
}
