import { NORMAL } from "./generated/codes.js";
import { PROTOCOL } from "./generated/messages.js";
import type { Timers } from "./timers.js";

/** What a client uses of a WebSocket: the browser's own and that of the package `ws` both fit. */
export interface Socket {
  readonly bufferedAmount: number;
  onopen: SocketHandler<unknown>;
  onmessage: SocketHandler<{ readonly data: unknown }>;
  onclose: SocketHandler<{ readonly code: number; readonly reason: string }>;
  onerror: SocketHandler<unknown>;
  send(text: string): void;
  close(code?: number): void;
}

/** A method's type, so that handlers of narrower event types fit. */
type SocketHandler<Event> = { handle(event: Event): void }["handle"] | null;

/** A WebSocket class. */
export type SocketConstructor = new (url: string, protocols: string[]) => Socket;

/** What a socket tells, until it is closed from either side. */
export interface SocketEvents {
  opened(): void;
  received(text: string): void;
  closed(code: number, reason: string): void;
}

export interface SocketOptions {
  readonly webSocket?: SocketConstructor;
  /** Seconds for it to open. */
  readonly openTimeout: number;
  readonly timers: Timers;
}

/** A socket that was opened, or is being opened. */
export interface HeldSocket {
  /** Send a text frame; false if too much waits to be sent already. */
  send(text: string): boolean;
  /** Close it, and hear no more from it. */
  close(code: number): void;
}

/** Bytes that may wait to be sent; past that the server takes no more, and the line is given up. */
const BUFFERED_BYTES = 1024 * 1024;

const NO_CLOSE_FRAME = 1006;

/**
 * Open a socket; `opened` or `closed` follows.
 *
 * @throws Error where there is no WebSocket and none was given, or where the address is none.
 */
export function openSocket(url: string, options: SocketOptions, events: SocketEvents): HeldSocket {
  const { openTimeout, timers } = options;
  const webSocket: SocketConstructor | undefined = options.webSocket ?? globalThis.WebSocket;
  if (!webSocket) {
    throw new Error("There is no WebSocket here: give one as `webSocket`");
  }
  const socket = new webSocket(url, [PROTOCOL]);
  const close = (code: number): void => {
    timers.clear(timeout);
    socket.onopen = socket.onmessage = socket.onclose = null;
    // A page may close with 1000 and its own codes alone.
    socket.close(code === NORMAL || code >= 3000 ? code : undefined);
  };
  const end = (code: number, reason: string): void => {
    close(NO_CLOSE_FRAME);
    events.closed(code, reason);
  };
  const timeout = timers.set(() => end(NO_CLOSE_FRAME, "No answer in time"), openTimeout);
  socket.onopen = () => {
    timers.clear(timeout);
    events.opened();
  };
  socket.onmessage = ({ data }) => events.received(String(data));
  socket.onclose = ({ code, reason }) => end(code, reason);
  socket.onerror = () => {}; // A close follows, and says what can be known.
  return {
    send(text) {
      const isTaken = socket.bufferedAmount <= BUFFERED_BYTES;
      isTaken && socket.send(text);
      return isTaken;
    },
    close,
  };
}
