import type { Signal, Signals } from "../../src/signals.js";
import type { Socket, SocketConstructor } from "../../src/socket.js";
import type { Timers } from "../../src/timers.js";
import type { WsClientOptions } from "../../src/ws-client.js";

/** A socket whose other end is the test. */
export class ManualSocket implements Socket {
  bufferedAmount = 0;
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  onerror: Socket["onerror"] = null;
  readonly sent: Record<string, unknown>[] = [];
  closedWith: number | undefined | null = null;

  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {}

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(code?: number): void {
    this.closedWith = code;
  }

  /** The server takes the connection. */
  open(): void {
    this.onopen?.({});
  }

  /** The server says something. */
  receive(message: unknown): void {
    this.onmessage?.({ data: typeof message === "string" ? message : JSON.stringify(message) });
  }

  /** The connection ends. */
  end(code = 1006, reason = ""): void {
    this.onclose?.({ code, reason });
  }
}

interface Alarm {
  readonly at: number;
  readonly callBack: () => void;
}

/** Clock, timers, sockets and surroundings that do what the test says. */
export class ManualWorld {
  now = 0;
  /** What callbacks threw. */
  readonly errors: unknown[] = [];
  readonly sockets: ManualSocket[] = [];
  readonly #alarms = new Set<Alarm>();
  readonly #listeners = new Set<(signal: Signal) => void>();

  readonly timers: Timers = {
    set: (callBack, seconds) => {
      const alarm = { at: this.now + seconds, callBack };
      this.#alarms.add(alarm);
      return alarm;
    },
    clear: (alarm) => this.#alarms.delete(alarm as Alarm),
  };

  readonly #signals: Signals = (listener) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** What a client is made of here. */
  options(more: WsClientOptions = {}): WsClientOptions {
    const { sockets } = this;
    class WebSocket extends ManualSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols);
        sockets.push(this);
      }
    }
    return {
      webSocket: WebSocket satisfies SocketConstructor,
      timers: this.timers,
      signals: this.#signals,
      clock: () => this.now,
      chance: () => 0.5,
      onError: (error) => this.errors.push(error),
      ...more,
    };
  }

  /** The newest socket. */
  get socket(): ManualSocket {
    const socket = this.sockets.at(-1);
    if (!socket) {
      throw new Error("No socket was opened");
    }
    return socket;
  }

  /** How many timers run, and how many listen to signals. */
  get running(): { timers: number; listeners: number } {
    return { timers: this.#alarms.size, listeners: this.#listeners.size };
  }

  signal(signal: Signal): void {
    for (const listener of [...this.#listeners]) {
      listener(signal);
    }
  }

  /** Let time pass, timer by timer, and after each what it set off. */
  async advance(seconds: number): Promise<void> {
    const end = this.now + seconds;
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.now = Math.max(this.now, next.at);
      this.#alarms.delete(next);
      next.callBack();
      await settle();
    }
    this.now = end;
  }

  #next(end: number): Alarm | undefined {
    return [...this.#alarms].filter(({ at }) => at <= end).sort((one, other) => one.at - other.at)[0];
  }
}

/** Let everything happen that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) {
    await Promise.resolve();
  }
}
