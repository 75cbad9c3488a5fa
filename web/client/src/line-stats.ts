import type { Seen } from "./generated/messages.js";

/** What a line went through. */
export interface LineStats {
  /** Sockets that were opened. */
  connects: number;
  /** Holes seen in a topic, each repaired by subscribing again. */
  gaps: number;
  /** Events dropped because they were processed before. */
  duplicates: number;
  /** Events dropped because they came after a later one; the repair of the hole brings them in order. */
  reordered: number;
  /** Streams that had to start from a snapshot. */
  resets: number;
  /** Missed events that were replayed. */
  recovered: number;
}

/** Stats of a line that has done nothing yet. */
export function newStats(): LineStats {
  return { connects: 0, gaps: 0, duplicates: 0, reordered: 0, resets: 0, recovered: 0 };
}

const TOLD = ["gaps", "duplicates", "reordered"] as const;

/** The most of one kind that a server believes in one report. */
const TOLD_AT_ONCE = 1_000_000;

type Told = Record<(typeof TOLD)[number], number>;

/** Tells a server with each ping what is new in the stats; what no pong answered is told again. */
export class SeenReport {
  #answered: Told = newStats();
  #asked: Told | undefined;

  constructor(readonly stats: LineStats) {}

  /** What to send with a ping, or undefined where there is nothing to tell. */
  news(): Seen | undefined {
    this.#asked = { ...this.stats };
    const news: Partial<Told> = {};
    for (const kind of TOLD) {
      const count = Math.min(TOLD_AT_ONCE, this.#asked[kind] - this.#answered[kind]);
      if (count) {
        news[kind] = count;
      }
    }
    return Object.keys(news).length ? news : undefined;
  }

  /** A pong came: the server knows what was sent. */
  answered(): void {
    this.#answered = this.#asked ?? this.#answered;
    this.#asked = undefined;
  }

  /** The connection ended: whether the server heard the last report is not known, so it is told again. */
  cut(): void {
    this.#asked = undefined;
  }
}
