import { useState } from "react";
import type { Message } from "../generated/agents";

/** Messages that are shown at first, and how many more each time. */
export const STEP = 60;

/** The place of the first message to show, of those from this id on. */
export function windowStart(messages: readonly Message[], from: number | undefined): number {
  const newest = Math.max(0, messages.length - STEP);
  if (from === undefined) {
    return newest;
  }
  const place = messages.findIndex(({ id }) => id >= from);
  return place < 0 ? newest : place;
}

interface MessageWindow {
  /** The messages to show, which stay as others come. */
  readonly shown: readonly Message[];
  readonly hasMore: boolean;
  readonly showMore: () => void;
  /** Show all there is, and what comes before it. */
  readonly showAll: () => void;
}

/** The newest messages of a thread, and more as one asks for them. */
export function useMessageWindow(messages: readonly Message[]): MessageWindow {
  const [from, setFrom] = useState<number>();
  const start = windowStart(messages, from);
  if (from === undefined && messages.length) {
    setFrom(messages[start]?.id);
  }
  return {
    shown: messages.slice(start),
    hasMore: start > 0,
    showMore: () => setFrom(messages[Math.max(0, start - STEP)]?.id),
    showAll: () => setFrom(0),
  };
}
