/** Timers, as of `setTimeout`; waits in seconds. */
export interface Timers {
  set(callBack: () => void, seconds: number): unknown;
  clear(timer: unknown): void;
}

/** The platform's timers. */
export const platformTimers: Timers = {
  set: (callBack, seconds) => setTimeout(callBack, seconds * 1000),
  clear: (timer) => clearTimeout(timer as number),
};
