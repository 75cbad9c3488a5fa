import type { Learned, LineStats, Position, WsClient } from "@trunkline/client";
import type { LineView, TabLine } from "@trunkline/client/tabs";
import { useEffect, useMemo } from "react";
import { useConsole } from "../console-context";
import { useNow } from "../shell/use-surroundings";
import { useApp } from "../state/app-state";
import { downSince } from "../state/line-log";

/** A line of this tab's own, or its end of the one that all tabs share. */
export type PageLine = WsClient | TabLine;

/** What this browser's line went through, at one moment. Times in seconds. */
export interface OwnFigures {
  readonly stats: Readonly<LineStats>;
  readonly learned: Learned;
  /** What was processed of each topic, by name. */
  readonly positions: readonly (readonly [string, Position])[];
  /** How long the last ping took to be answered, once one was. */
  readonly roundTrip: number | undefined;
  /** When the socket was opened, in milliseconds since 1970, if that is known. */
  readonly connectedAt: number | undefined;
  /** How the line is shared with the other tabs of this browser, in words. */
  readonly sharing: string;
}

export function figuresOf(line: PageLine): OwnFigures {
  if (!("getView" in line)) {
    const { stats, learned } = line;
    const sharing = "this tab alone";
    const positions = byName([...line.positions()]);
    return { stats: { ...stats }, learned, positions, roundTrip: undefined, connectedAt: undefined, sharing };
  }
  const view = line.getView();
  return { ...view, positions: byName(view.positions), sharing: sharingOf(view) };
}

function byName(positions: OwnFigures["positions"]): OwnFigures["positions"] {
  return [...positions].sort(([one], [other]) => one.localeCompare(other));
}

const OWNERS = {
  worker: "in a shared worker",
  leader: "held by this tab",
  follower: "held by another tab",
  alone: "this tab's own",
} as const;

export function sharingOf({ share, tabs }: Pick<LineView, "share" | "tabs">): string {
  const of = tabs === 1 ? "1 tab" : `${tabs} tabs`;
  return share === "alone" ? OWNERS.alone : `${of}, ${OWNERS[share]}`;
}

/** Milliseconds between two pings that measure the line while somebody looks. */
const MEASURING = 10_000;

/** Have the figures told, and the round trip measured, for as long as somebody looks. */
function watch(line: PageLine): (() => void) | undefined {
  if (!("watch" in line)) {
    return undefined;
  }
  const stop = line.watch(() => {}); // They are read once a second, with the rest.
  line.probe();
  const measuring = setInterval(() => line.probe(), MEASURING);
  return () => {
    clearInterval(measuring);
    stop();
  };
}

/** How the line is now and since when, the time of this second, and the calls that wait. Times are `Date.now`'s. */
export function useOwnLine() {
  const { client, calls, clock } = useConsole();
  const now = useNow(true);
  const status = useApp((state) => state.line);
  useEffect(() => watch(client.line), [client.line]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the figures are read anew each second.
  const figures = useMemo(() => figuresOf(client.line), [client.line, now]);
  const lostAt = useApp((state) => downSince(state.lineLog));
  const since = lostAt ?? figures.connectedAt ?? status.since;
  return { now, status, since, figures, waiting: calls.pendingCalls.length, skew: clock.now() - clock.device() };
}
