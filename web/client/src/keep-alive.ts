/** Times in seconds. */
export interface KeepAliveOptions {
  /** Silence before a ping while nothing is known of the network; 25 unless given. */
  readonly start?: number;
  /** The shortest silence before a ping; 10 unless given. */
  readonly floor?: number;
  /** The longest; 120 unless given. */
  readonly cap?: number;
  /** Time for an answer before the line counts as dead; 8 unless given. */
  readonly pongWithin?: number;
  /** Factor by which the interval grows; 1.5 unless given. */
  readonly growth?: number;
  /** Answered pings after a full silence before a longer one is tried; 2 unless given. */
  readonly proofs?: number;
}

/** What is known of a network, in seconds: the longest silence that held, and the shortest that broke a line. */
export interface Learned {
  readonly holds: number;
  readonly breaks?: number | undefined;
}

/** The search ends when what held is this near to what broke; a silence this near to the interval proves something. */
const CLOSE_ENOUGH = 0.8;

/** Intervals after which the server must hear something; past two of them it gives its client up. */
const UNHEARD = 1.5;

/**
 * When to ping: only a silent line, as rarely as the network allows, learned from how long silent lines held.
 *
 * The interval grows while pings after a full silence are answered, and falls back when a silent line died, halving the
 * span between what held and what broke. On a line where something always comes it pings after half as long again,
 * because the server has to hear from its client too; such pings prove nothing. Times come in as arguments.
 */
export class KeepAlive {
  /** Seconds of silence after which the line is pinged at present. */
  interval: number;
  /** What this line and those before it have taught. */
  learned: Learned;
  readonly #options: Required<KeepAliveOptions>;
  #cap: number;
  #heardAt = 0;
  #saidAt = 0;
  #pingedAt: number | undefined;
  #proofs = 0;

  constructor(options: KeepAliveOptions = {}, learned: Learned = { holds: 0 }) {
    this.#options = { start: 25, floor: 10, cap: 120, pongWithin: 8, growth: 1.5, proofs: 2, ...options };
    this.learned = learned;
    this.#cap = this.#options.cap;
    this.interval = this.#clamp(learned.holds || this.#options.start);
  }

  /** Never be silent for longer than the server wants. */
  limit(seconds: number): void {
    this.#cap = Math.min(this.#options.cap, seconds);
    this.interval = this.#clamp(this.interval);
  }

  /** A connection is open. */
  opened(now: number): void {
    this.#heardAt = this.#saidAt = now;
    this.#pingedAt = undefined;
  }

  /** Something came from the peer. After a ping, it proves that the line outlived the silence before it. */
  heard(now: number): void {
    if (this.#pingedAt !== undefined) {
      const silence = this.#pingedAt - this.#heardAt;
      if (silence >= this.interval * CLOSE_ENOUGH) {
        this.#prove(silence);
      }
      this.#pingedAt = undefined;
    }
    this.#heardAt = now;
  }

  /** When `tick` has something to do. */
  deadline(): number {
    return this.#pingedAt === undefined
      ? Math.min(this.#heardAt + this.interval, this.#saidAt + this.interval * UNHEARD)
      : this.#pingedAt + this.#options.pongWithin;
  }

  /** Ping a line that was silent for the interval; give one up that left a ping unanswered. */
  tick(now: number): "nothing" | "ping" | "dead" {
    if (now < this.deadline()) {
      return "nothing";
    }
    if (this.#pingedAt !== undefined) {
      this.cut(now);
      return "dead";
    }
    this.#pingedAt = this.#saidAt = now;
    return "ping";
  }

  /**
   * Ping at once because there is reason to doubt the line; false if a ping is on its way already.
   *
   * Whatever comes of it is not the silence's doing, and teaches nothing.
   */
  probe(now: number): boolean {
    if (this.#pingedAt !== undefined) {
      return false;
    }
    this.#heardAt = this.#pingedAt = this.#saidAt = now;
    return true;
  }

  /** The line ended without a close frame. If it had been silent, the silence may be what ended it. */
  cut(now: number): void {
    const silence = (this.#pingedAt ?? now) - this.#heardAt;
    if (silence >= this.#options.floor) {
      this.#break(silence);
    }
  }

  #prove(silence: number): void {
    const holds = Math.max(this.learned.holds, silence);
    const { breaks } = this.learned;
    this.learned = { holds, breaks: breaks === undefined || breaks > holds ? breaks : undefined };
    this.#proofs += 1;
    if (this.#proofs >= this.#options.proofs) {
      this.#proofs = 0;
      this.interval = this.#longer();
    }
  }

  #longer(): number {
    const { holds, breaks } = this.learned;
    let wanted = this.interval * this.#options.growth;
    if (breaks !== undefined) {
      if (holds >= breaks * CLOSE_ENOUGH) {
        return this.interval;
      }
      wanted = Math.min(wanted, (holds + breaks) / 2);
    }
    return this.#clamp(wanted);
  }

  /** A silent line died. A silence that held before is not to blame the first time, but is trusted less. */
  #break(silence: number): void {
    let { holds, breaks } = this.learned;
    if (silence > holds) {
      breaks = Math.min(breaks ?? silence, silence);
    } else {
      holds = Math.min(holds, silence / 2);
    }
    this.learned = { holds, breaks };
    this.#proofs = 0;
    this.interval = this.#clamp(holds || this.interval / 2);
  }

  #clamp(interval: number): number {
    return Math.min(this.#cap, Math.max(this.#options.floor, interval));
  }
}
