/**
 * What the surroundings say about the line.
 *
 * `wake`: the network or the page is back, so connect at once, and doubt a line that is open. `doubt`: the network is
 * said to be gone. `suspend`: the page is put away and its socket must go.
 */
export type Signal = "wake" | "doubt" | "suspend";

/** Calls the listener at each signal until the returned function is called. */
export type Signals = (listener: (signal: Signal) => void) => () => void;

/**
 * The signals of a browser; none where there is no browser.
 *
 * - `online`, `pageshow` and becoming visible wake: timers of a hidden page are late by up to a minute, and a phone
 *   drops sockets without a word.
 * - `offline` alone closes nothing: it is wrong on machines with several networks. The line is pinged at once instead,
 *   and is dead if nothing comes in time.
 * - `pagehide` of a page that goes into the back/forward cache suspends, because a page with an open socket is kept
 *   out of that cache, or has it cut there; `pageshow` brings the line back with its positions.
 */
export const browserSignals: Signals = (listener) => {
  const { document } = globalThis;
  const ended = new AbortController();
  // A worker has no document, and Node no events at all.
  const hear = (target: Partial<EventTarget> | undefined, type: string, act: (event: Event) => void) =>
    target?.addEventListener?.(type, act, { signal: ended.signal });
  hear(globalThis, "online", () => listener("wake"));
  hear(globalThis, "offline", () => listener("doubt"));
  hear(globalThis, "pageshow", () => listener("wake"));
  hear(document, "visibilitychange", () => document.visibilityState === "visible" && listener("wake"));
  hear(globalThis, "pagehide", (event) => (event as PageTransitionEvent).persisted && listener("suspend"));
  return () => ended.abort();
};
