import type { SocketConstructor } from "../socket.js";
import { platformTimers, type Timers } from "../timers.js";
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

/** What is used of `navigator.locks`. */
export interface Locks {
  /** Hold a lock for the time of `hold`; rejects if it is aborted before, or stolen. */
  request(
    name: string,
    options: { readonly signal?: AbortSignal; readonly steal?: boolean },
    hold: () => Promise<unknown> | unknown,
  ): Promise<unknown>;
}

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

/** An id that no other tab has; `crypto.randomUUID` is missing on pages without TLS. */
export function randomId(): string {
  return [...crypto.getRandomValues(new Uint32Array(4))].map((part) => part.toString(36)).join("");
}

/** Hold a lock until the returned function is called; `held` is called back once it is held. */
export function holdLock(locks: Locks, name: string, held: () => void): () => void {
  const ended = new AbortController();
  let release = () => {};
  const hold = () => {
    held();
    return new Promise<void>((resolve) => {
      release = resolve;
    });
  };
  locks.request(name, { signal: ended.signal }, () => ended.signal.aborted || hold()).catch(() => {});
  return () => {
    ended.abort();
    release();
  };
}
