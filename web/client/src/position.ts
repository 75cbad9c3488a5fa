/** A point in one life of a log: everything up to and including `seq` has been processed. */
export interface Position {
  /** Names one life of the log. */
  readonly epoch: string;
  /** Counts 1, 2, 3 … without holes; 0 is the point before the first event. */
  readonly seq: number;
}

/** What an event with a given `seq` is to a reader: the next, an old one to drop, or past a hole. */
export type Step = "next" | "old" | "gap";

/** Compare an arriving `seq` with the last one that was processed. */
export function judge(processed: number, seq: number): Step {
  if (seq === processed + 1) {
    return "next";
  }
  return seq <= processed ? "old" : "gap";
}
