import type { Socket, SocketConstructor } from "../socket.js";

const PONG_BYTES = 256;

/** A WebSocket class that also tells, in seconds, how long each ping took to be answered. */
export function timedSocket(
  webSocket: SocketConstructor,
  clock: () => number,
  told: (seconds: number) => void,
): SocketConstructor {
  return class TimedSocket implements Socket {
    onopen: Socket["onopen"] = null;
    onmessage: Socket["onmessage"] = null;
    onclose: Socket["onclose"] = null;
    onerror: Socket["onerror"] = null;
    readonly #socket: Socket;
    #pingedAt: number | undefined;

    constructor(url: string, protocols: string[]) {
      this.#socket = new webSocket(url, protocols);
      this.#socket.onopen = (event) => this.onopen?.(event);
      this.#socket.onclose = (event) => this.onclose?.(event);
      this.#socket.onerror = (event) => this.onerror?.(event);
      this.#socket.onmessage = (event) => {
        this.#hear(event.data);
        this.onmessage?.(event);
      };
    }

    get bufferedAmount(): number {
      return this.#socket.bufferedAmount;
    }

    send(text: string): void {
      if (text.startsWith('{"type":"ping"')) {
        this.#pingedAt = clock();
      }
      this.#socket.send(text);
    }

    close(code?: number): void {
      this.#socket.close(code);
    }

    #hear(data: unknown): void {
      if (this.#pingedAt !== undefined && typeof data === "string" && data.length < PONG_BYTES && isPong(data)) {
        told(clock() - this.#pingedAt);
        this.#pingedAt = undefined;
      }
    }
  };
}

function isPong(text: string): boolean {
  return /^\s*\{\s*"type"\s*:\s*"pong"/.test(text);
}
