import { browserSignals, type Signals } from "../signals.js";

/**
 * The signals of a page that shares a line.
 *
 * Besides those of any page, `pagehide` suspends whether or not the page may come back, so that the others hear at once
 * that it is gone; and a page that the browser freezes steps aside, so that nothing piles up for it and nobody waits.
 */
export const tabSignals: Signals = (listener) => {
  const { document } = globalThis;
  const ended = new AbortController();
  const hear = (target: Partial<EventTarget> | undefined, type: string, act: () => void) =>
    target?.addEventListener?.(type, act, { signal: ended.signal });
  const stop = browserSignals(listener);
  hear(globalThis, "pagehide", () => listener("suspend"));
  hear(document, "freeze", () => listener("suspend"));
  hear(document, "resume", () => listener("wake"));
  return () => {
    ended.abort();
    stop();
  };
};
