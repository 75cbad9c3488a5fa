import type { Lifetimes } from "../generated/agents";
import { duration } from "./quantities";

/** Connections whose lifetime was in one span. */
export interface Bucket {
  readonly name: string;
  readonly count: number;
  /** Of all that have ended, 0 to 1. */
  readonly share: number;
}

/** How many connections have ended. */
export function countOf({ counts }: Lifetimes): number {
  return counts.reduce((total, count) => total + count, 0);
}

export function bucketsOf(lifetimes: Lifetimes): readonly Bucket[] {
  const { bounds, counts } = lifetimes;
  const all = countOf(lifetimes);
  return counts.map((count, index) => ({
    name: nameOf(bounds[index - 1], bounds[index]),
    count,
    share: all ? count / all : 0,
  }));
}

function nameOf(from: number | undefined, to: number | undefined): string {
  if (from === undefined) {
    return to === undefined ? "any time" : `up to ${duration(to)}`;
  }
  return to === undefined ? `over ${duration(from)}` : `${duration(from)} – ${duration(to)}`;
}

/**
 * The median in seconds, null if none has ended; spread evenly inside its bucket. `isAtLeast` if it is past the last
 * bound, where it is not known better.
 */
export function medianOf(lifetimes: Lifetimes): { readonly seconds: number; readonly isAtLeast: boolean } | null {
  const { bounds, counts } = lifetimes;
  const half = countOf(lifetimes) / 2;
  let before = 0;
  for (const [index, count] of counts.entries()) {
    if (count && before + count >= half) {
      const from = bounds[index - 1] ?? 0;
      const to = bounds[index];
      return to === undefined
        ? { seconds: from, isAtLeast: true }
        : { seconds: from + (to - from) * ((half - before) / count), isAtLeast: false };
    }
    before += count;
  }
  return null;
}
