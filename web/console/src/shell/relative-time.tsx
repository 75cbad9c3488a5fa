import { useSyncExternalStore } from "react";
import { useConsole } from "../console-context";

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const LONG_AGO = 30 * DAY;

const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** How long ago a moment (RFC 3339) was, in a few words. Within a minute it changes every ten seconds, to be calm. */
export function ago(time: string, now: number): string {
  const moment = Date.parse(time);
  const seconds = Math.floor((now - moment) / 1000);
  if (seconds < 10) {
    return "just now";
  }
  if (seconds < MINUTE) {
    return `${Math.floor(seconds / 10) * 10} s ago`;
  }
  if (seconds < HOUR) {
    return `${Math.floor(seconds / MINUTE)} min ago`;
  }
  if (seconds < DAY) {
    return `${Math.floor(seconds / HOUR)} h ago`;
  }
  return seconds < LONG_AGO ? `${Math.floor(seconds / DAY)} d ago` : DATE.format(moment);
}

const listeners = new Set<() => void>();
let ticking: ReturnType<typeof setInterval> | undefined;

/** One clock for all times of the page. */
function onTick(listener: () => void): () => void {
  listeners.add(listener);
  ticking ??= setInterval(() => {
    for (const tell of listeners) {
      tell();
    }
  }, 1000);
  return () => {
    listeners.delete(listener);
    if (!listeners.size) {
      clearInterval(ticking);
      ticking = undefined;
    }
  };
}

/** A moment by how long ago it was, which stays true; the moment itself on hover. */
export function RelativeTime({ time }: { readonly time: string }) {
  const { clock } = useConsole();
  const text = useSyncExternalStore(onTick, () => ago(time, clock.now()));
  return (
    <time dateTime={time} title={MOMENT.format(Date.parse(time))}>
      {text}
    </time>
  );
}
