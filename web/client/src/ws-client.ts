import type { Params } from "./calls.js";
import { ClientSession, type SessionOptions } from "./client-session.js";
import type { CallEnded, Effect, LineState, Notice, StateChanged } from "./effects.js";
import { CallCut, LineClosed, RequestError } from "./errors.js";
import { PROTOCOL_ERROR } from "./generated/codes.js";
import type { Learned } from "./keep-alive.js";
import type { CallOptions, CallResult, Line, Listener } from "./line.js";
import type { LineStats } from "./line-stats.js";
import type { Position } from "./position.js";
import { browserSignals, type Signals } from "./signals.js";
import { type HeldSocket, openSocket, type SocketConstructor } from "./socket.js";
import { platformTimers, type Timers } from "./timers.js";
import { guard } from "./topic-manager.js";

/** A token, or what fetches a fresh one before each connection. */
export type Token = string | (() => string | Promise<string>);

/** How a client behaves, and what it is made of. */
export interface WsClientOptions {
  /** Sent with `authenticate` as the first message; none where cookies carry the credentials. */
  readonly token?: Token;
  /** Times of keep-alive and backoff. */
  readonly session?: SessionOptions;
  /** After each opening. */
  readonly onConnect?: () => void;
  /** For each thing received for the application. */
  readonly onMessage?: Listener;
  /** After each loss, with what comes next. */
  readonly onDisconnect?: (change: StateChanged) => void;
  /** Told what callbacks throw, and what the call store fails at; the console unless given. */
  readonly onError?: (error: unknown) => void;
  /** The platform's `WebSocket` unless given. */
  readonly webSocket?: SocketConstructor;
  /** Seconds for a socket to open; 10 unless given. */
  readonly openTimeout?: number;
  readonly timers?: Timers;
  readonly signals?: Signals;
  /** Seconds on a clock that never goes back. */
  readonly clock?: () => number;
  /** Uniform in [0, 1), for the jitter of reconnecting. */
  readonly chance?: () => number;
}

const DEFAULTS = {
  onError: (error: unknown) => console.error(error),
  openTimeout: 10,
  timers: platformTimers,
  signals: browserSignals,
  clock: () => performance.now() / 1000,
  chance: Math.random,
};

/** A timer is kept when the next deadline is this much later, in seconds, and then finds nothing due. */
const KEPT_TIMER = 5;

/**
 * A connection to one server: connects, keeps itself alive, comes back after each loss, and subscribes again.
 *
 * Callbacks are called in order. What they throw is reported to `onError`.
 */
export class WsClient implements Line {
  readonly #options: WsClientOptions & typeof DEFAULTS;
  readonly #session: ClientSession;
  #socket: HeldSocket | undefined;
  readonly #listeners = new Set<Listener>();
  #effects: Effect[] = [];
  readonly #calls = new Map<string, (ended: CallEnded) => void>();
  #waiting: (() => void)[] = [];
  #lastChange: StateChanged = { kind: "state", state: "idle", reason: "" };
  #isPerforming = false;
  #attempt = 0;
  #timer: { readonly at: number; readonly handle: unknown } | undefined;
  #stopSignals: (() => void) | undefined;

  /** @param url `ws://` or `wss://`, with the path; `connect` takes shorter ones. */
  constructor(
    readonly url: string,
    options: WsClientOptions = {},
  ) {
    this.#options = { ...DEFAULTS, ...options };
    this.#session = new ClientSession(options.session);
  }

  get state(): LineState {
    return this.#session.state;
  }

  get lastChange(): StateChanged {
    return this.#lastChange;
  }

  /** What the line went through. */
  get stats(): Readonly<LineStats> {
    return this.#session.stats;
  }

  /** What this line has learned of its network's silences; give it to the next one there. */
  get learned(): Learned {
    return this.#session.learned;
  }

  /** What has been processed of each subscribed topic, where anything has. */
  positions(): Map<string, Position> {
    return this.#session.subscriptions.positions();
  }

  addListener(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  // Life

  /** Begin to connect, or connect at once instead of waiting; nothing happens if the line is up or connecting. */
  start(): void {
    this.#stopSignals ??= this.#options.signals((signal) =>
      this.#perform(this.#session.hear(signal, this.#now(), this.#chance())),
    );
    this.#perform(this.#session.start());
  }

  /** Close the line, and end what waits for it. `start` begins anew, with the positions of before. */
  close(): void {
    this.#stopSignals?.();
    this.#stopSignals = undefined;
    this.#perform(this.#session.close());
  }

  #drop(code: number, reason: string): void {
    this.#perform(this.#session.drop(code, reason, this.#now(), this.#chance()));
  }

  /** Resolves when requests can be sent; rejects with `LineClosed` if the line is closed for good. */
  async whenReady(): Promise<void> {
    while (!this.#session.isReady) {
      if (this.state === "closed") {
        throw new LineClosed(this.#lastChange.code, this.#lastChange.reason);
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  // Requests

  subscribe(topic: string, since?: Position): void {
    this.#perform(this.#session.subscriptions.subscribe(topic, since));
  }

  refresh(topic: string): boolean {
    this.#perform(this.#session.subscriptions.refresh(topic));
    return this.#session.subscriptions.hasSnapshot(topic);
  }

  unsubscribe(topic: string): void {
    const effects = this.#session.subscriptions.unsubscribe(topic);
    // An opening or snapshot that waits to be handed over belongs to the subscription that ends here.
    this.#effects = this.#effects.filter((e) => e.kind === "event" || !("topic" in e) || e.topic !== topic);
    this.#perform(effects);
  }

  /** Give a fresh token on the open connection, before the old one runs out. */
  authenticate(token: string): void {
    this.#perform(this.#session.authenticate(token));
  }

  /**
   * Call a method of the server once the line is up; resolves with the answer.
   *
   * Rejects with `RequestError` if the server refused, `CallCut` if the line was cut before the answer came, `LineClosed`
   * if the line is closed for good. `OfflineCalls` of `@trunkline/client/offline` sends calls again until they are
   * answered, also after a reload.
   */
  async call<Result>(method: string, params: Params = {}, options: CallOptions = {}): Promise<CallResult<Result>> {
    while (!this.#session.isReady) {
      await this.whenReady(); // It may be cut again before this goes on.
    }
    const { messageId, effects } = this.#session.calls.call(method, params, options.key);
    const { reply, isRefusal } = await new Promise<CallEnded>((answer) => {
      this.#calls.set(messageId, answer);
      this.#perform(effects);
    });
    if (!reply) {
      throw new CallCut(method);
    }
    if (reply.error) {
      throw new RequestError(reply.error.error, reply.error.code, reply.error.details, isRefusal);
    }
    return { result: reply.result as Result, positions: reply.positions ?? [] };
  }

  // The socket

  async #openSocket(): Promise<void> {
    const attempt = ++this.#attempt;
    let code = 1006; // A token that cannot be had now may be had later.
    try {
      const { token } = this.#options;
      this.#session.token = typeof token === "function" ? await token() : token;
      if (attempt === this.#attempt && this.state === "connecting") {
        code = PROTOCOL_ERROR;
        this.#socket = openSocket(this.url, this.#options, {
          opened: () => this.#perform(this.#session.opened(this.#now())),
          received: (text) => this.#receive(text),
          closed: (code, reason) => this.#perform(this.#session.closed(code, reason, this.#now(), this.#chance())),
        });
      }
    } catch (error) {
      this.#options.onError(error);
      if (attempt === this.#attempt) {
        this.#drop(code, String(error));
      }
    }
  }

  #receive(text: string): void {
    try {
      this.#perform(this.#session.receive(text, this.#now()));
    } catch (error) {
      this.#options.onError(error);
      this.#drop(PROTOCOL_ERROR, String(error));
    }
  }

  // Effects

  #perform(effects: readonly Effect[]): void {
    this.#effects.push(...effects);
    if (this.#isPerforming) {
      return; // A callback asked for this; it follows what is being handed over.
    }
    this.#isPerforming = true;
    try {
      for (let effect = this.#effects.shift(); effect; effect = this.#effects.shift()) {
        this.#carryOut(effect);
      }
    } finally {
      this.#isPerforming = false;
    }
    this.#armTimer();
    for (const resolve of this.#waiting.splice(0)) {
      resolve();
    }
  }

  #carryOut(effect: Effect): void {
    switch (effect.kind) {
      case "open-socket":
        this.#openSocket();
        return;
      case "send":
        if (this.#socket?.send(effect.text) === false) {
          this.#drop(1006, "Too much waits to be sent");
        }
        return;
      case "close-socket":
        this.#socket?.close(effect.code);
        return;
      case "call-ended":
        this.#calls.get(effect.messageId)?.(effect);
        this.#calls.delete(effect.messageId);
        return;
      default:
        this.#handOver(effect);
    }
  }

  #handOver(notice: Notice): void {
    const { onConnect, onMessage, onDisconnect, onError } = this.#options;
    if (notice.kind !== "state") {
      guard(() => onMessage?.(notice), onError);
    } else {
      this.#lastChange = notice;
      if (notice.state === "connected") {
        guard(() => onConnect?.(), onError);
      } else if (notice.state !== "connecting") {
        guard(() => onDisconnect?.(notice), onError);
      }
    }
    for (const listener of this.#listeners) {
      guard(() => listener(notice), onError);
    }
  }

  /**
   * Wake at the next deadline. One that moved a little later costs nothing: the timer finds nothing due and goes on.
   *
   * One that moved much later, as with a pong, gets a new timer, from the handler of a message: browsers slow timers of
   * hidden pages down to one a minute when each was set by the one before, and a server gives up whom it does not hear.
   */
  #armTimer(): void {
    const deadline = this.#session.nextDeadline();
    const { timers } = this.#options;
    const at = this.#timer?.at ?? Number.NEGATIVE_INFINITY;
    if (at <= deadline && deadline - at < KEPT_TIMER) {
      return;
    }
    timers.clear(this.#timer?.handle);
    this.#timer = undefined;
    if (deadline !== Number.POSITIVE_INFINITY) {
      const handle = timers.set(() => this.#tick(), Math.max(0, deadline - this.#now()));
      this.#timer = { at: deadline, handle };
    }
  }

  #tick(): void {
    this.#timer = undefined;
    this.#perform(this.#session.tick(this.#now(), this.#chance()));
  }

  #now(): number {
    return this.#options.clock();
  }

  #chance(): number {
    return this.#options.chance();
  }
}
