import type { SocketConstructor } from "../socket.js";
import { platformTimers, type Timers } from "../timers.js";
import type { Locks } from "../web-locks.js";
import type { TabLocks } from "./hub-tab.js";

/** A method's type, so that handlers of narrower event types fit. */
type MessageHandler = { handle(event: { readonly data: unknown }): void }["handle"] | null;

/** What is used of a MessagePort. */
export interface Port {
  onmessage: MessageHandler;
  postMessage(message: unknown): void;
  close(): void;
}

/** What is used of a SharedWorker. */
export interface Worker {
  readonly port: Port;
  onerror: { handle(event: unknown): void }["handle"] | null;
}

/** What is used of a BroadcastChannel. */
export type Channel = Port;

/** The parts of a browser that tabs share a line by; a part that is missing is undefined. */
export interface TabsPlatform {
  readonly makeWorker: ((name: string) => Worker) | undefined;
  readonly makeChannel: ((name: string) => Channel) | undefined;
  readonly locks: Locks | undefined;
  readonly webSocket: SocketConstructor | undefined;
  readonly timers: Timers;
  /** Seconds on a clock that never goes back. */
  readonly clock: () => number;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
  /** Uniform in [0, 1). */
  readonly chance: () => number;
}

/** What this browser has. */
export function browserPlatform(): TabsPlatform {
  const { SharedWorker, BroadcastChannel, navigator, WebSocket } = globalThis;
  return {
    // Written in this way, bundlers see the worker and bundle it.
    makeWorker:
      SharedWorker &&
      ((name) => new SharedWorker(new URL("./tabs-worker.js", import.meta.url), { type: "module", name })),
    makeChannel: BroadcastChannel && ((name) => new BroadcastChannel(name)),
    locks: navigator?.locks as Locks | undefined,
    webSocket: WebSocket,
    timers: platformTimers,
    clock: () => performance.now() / 1000,
    wallClock: () => Date.now(),
    chance: Math.random,
  };
}

/** Web Locks, as a hub watches its tabs by. */
export function tabLocks(locks: Locks): TabLocks {
  return {
    whenFree(name, callBack) {
      const ended = new AbortController();
      locks.request(name, { signal: ended.signal }, () => ended.signal.aborted || callBack()).catch(() => {});
      return () => ended.abort();
    },
  };
}
