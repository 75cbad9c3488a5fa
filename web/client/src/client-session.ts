import { Backoff, type BackoffOptions } from "./backoff.js";
import { Calls } from "./calls.js";
import { decode, number, send } from "./codec.js";
import type { Effect, LineState, SendText, StateChanged } from "./effects.js";
import { type ErrorCode, GOING_AWAY, mayReconnect, NORMAL, PING_TIMEOUT, UNAUTHENTICATED } from "./generated/codes.js";
import type { ControlMessage, ErrorMessage, EventMessage, Reply, Snapshot } from "./generated/messages.js";
import { KeepAlive, type KeepAliveOptions, type Learned } from "./keep-alive.js";
import { newStats, SeenReport } from "./line-stats.js";
import { newId, type Requests } from "./requests.js";
import type { Signal } from "./signals.js";
import { Subscriptions } from "./subscriptions.js";

/** Times in seconds. */
export interface SessionOptions {
  /** When to ping, and when to give up. */
  readonly keepAlive?: KeepAliveOptions;
  /** What an earlier line of the same network taught about its silences. */
  readonly learned?: Learned;
  /** Pause before a request that failed for a passing reason is tried again; 1 unless given. */
  readonly retryAfter?: number;
  /** When to connect again. */
  readonly backoff?: BackoffOptions;
}

const NO_CLOSE_FRAME = 1006;
const NEVER = Number.POSITIVE_INFINITY;

const PASSING: ReadonlySet<ErrorCode> = new Set(["rate_limited", "internal"]);

/**
 * The client's side of a line: what was asked for, where each topic stands, and when to ping or connect again.
 *
 * The shell feeds it frames, closes and the passing of time, and carries the effects out in order. It holds no socket
 * and no clock; `now` is in seconds, and `chance` uniform in [0, 1).
 */
export class ClientSession {
  readonly stats = newStats();
  /** Sent with `authenticate` as the first message of each connection; none where the handshake has the credentials. */
  token: string | undefined;
  #state: LineState = "idle";
  readonly #requests: Requests = { areReady: false, ids: 0 };
  readonly #report = new SeenReport(this.stats);
  readonly #backoff: Backoff;
  readonly #keepAlive: KeepAlive;
  readonly subscriptions: Subscriptions;
  readonly calls = new Calls(this.#requests);
  #openedAt = 0;
  #retryAt = NEVER;
  #serverRetry: number | undefined;
  #isSentAway = false;

  constructor(options: SessionOptions = {}, token?: string) {
    this.token = token;
    this.#backoff = new Backoff(options.backoff);
    this.#keepAlive = new KeepAlive(options.keepAlive, options.learned);
    this.subscriptions = new Subscriptions(this.#requests, this.stats, options.retryAfter);
  }

  get state(): LineState {
    return this.#state;
  }

  /** Whether requests can be sent: the socket is open and, where a token is to be sent first, it was taken. */
  get isReady(): boolean {
    return this.#requests.areReady;
  }

  /** What this line has learned of its network; give it to the next one there. */
  get learned(): Learned {
    return this.#keepAlive.learned;
  }

  // Life of the connection

  /** Connect, now or sooner than planned; nothing happens if the line is up or connecting. */
  start(): Effect[] {
    if (this.#state === "connecting" || this.#state === "connected") {
      return [];
    }
    return [this.#to("connecting"), { kind: "open-socket" }];
  }

  /** The socket is open. */
  opened(now: number): Effect[] {
    this.#openedAt = now;
    this.#keepAlive.opened(now);
    this.#serverRetry = undefined;
    this.#report.cut();
    this.stats.connects += 1;
    const connected = this.#to("connected");
    if (this.token !== undefined) {
      return [connected, send({ type: "authenticate", token: this.token })];
    }
    return [connected, ...this.#getReady()];
  }

  #getReady(): Effect[] {
    this.#requests.areReady = true;
    return this.subscriptions.ready();
  }

  /**
   * The socket has closed, or could not be opened.
   *
   * @param code the close code; 1006 where there was none.
   * @param retryAfter whole seconds that the server asked to wait when it refused the handshake, where that is known.
   */
  closed(code: number, reason: string, now: number, chance: number, retryAfter?: number): Effect[] {
    if (this.#state === "closed" || this.#state === "waiting") {
      return [];
    }
    if (this.#state === "connected") {
      this.#backoff.connectionEnded(now - this.#openedAt);
      if (code === NO_CLOSE_FRAME) {
        this.#keepAlive.cut(now);
      }
    }
    const effects = this.#leaveSocket();
    if (!mayReconnect(code)) {
      return [...effects, this.#to("closed", code, reason)];
    }
    // Whoever was told the same second is spread over it.
    const wished = retryAfter === undefined ? this.#serverRetry : retryAfter + chance;
    this.#serverRetry = undefined; // It was meant for one wait: tries that fail after it back off.
    this.#isSentAway = wished !== undefined;
    const backedOff = this.#backoff.nextDelay(chance);
    const delay = wished === undefined ? backedOff : Math.max(wished, 0);
    this.#retryAt = now + delay;
    return [...effects, this.#to("waiting", code, reason, delay)];
  }

  /** End the line because the application wants it to; `start` begins anew, with the positions of before. */
  close(): Effect[] {
    if (this.#state === "closed") {
      return [];
    }
    const closing = this.#closeSocket(NORMAL);
    return [...closing, ...this.#leaveSocket(), this.#to("closed", undefined, "closed by the application")];
  }

  /** Give the connection up, and come back as after a close with this code. */
  drop(code: number, reason: string, now: number, chance: number): Effect[] {
    return [...this.#closeSocket(code), ...this.closed(code, reason, now, chance)];
  }

  /** Act on what the surroundings say; a line that the server sent away does not come back sooner for it. */
  hear(signal: Signal, now: number, chance: number): Effect[] {
    if (signal === "suspend") {
      return this.drop(GOING_AWAY, "The page is put away", now, chance);
    }
    if (signal === "wake" && this.#state === "waiting" && !this.#isSentAway) {
      return this.start();
    }
    return this.#state === "connected" && this.#keepAlive.probe(now) ? [this.#ping(now)] : [];
  }

  #closeSocket(code: number): Effect[] {
    return this.#state === "connected" || this.#state === "connecting" ? [{ kind: "close-socket", code }] : [];
  }

  /** Forget what belonged to the connection, and cut its calls; positions stay. */
  #leaveSocket(): Effect[] {
    this.#requests.areReady = false;
    this.subscriptions.cut();
    return this.calls.cut();
  }

  #to(state: LineState, code?: number, reason = "", retryIn?: number): StateChanged {
    this.#state = state;
    return { kind: "state", state, code, reason, retryIn };
  }

  // Time

  /** The time at which `tick` has something to do; infinity if never. */
  nextDeadline(): number {
    if (this.#state === "connected") {
      return Math.min(this.#keepAlive.deadline(), this.subscriptions.deadline());
    }
    return this.#state === "waiting" ? this.#retryAt : NEVER;
  }

  /** Do what is due: connect, ping, give a silent line up, subscribe again. */
  tick(now: number, chance: number): Effect[] {
    if (now < this.nextDeadline()) {
      return [];
    }
    if (this.#state === "waiting") {
      return this.start();
    }
    const due = this.#keepAlive.tick(now);
    if (due === "dead") {
      return this.drop(PING_TIMEOUT, "Nothing was heard in time", now, chance);
    }
    return [...(due === "ping" ? [this.#ping(now)] : []), ...this.subscriptions.tick(now)];
  }

  #ping(now: number): SendText {
    const seen = this.#report.news();
    const { interval } = this.#keepAlive;
    return send({ type: "ping", timestamp: Math.trunc(now * 1000), interval, ...(seen && { seen }) });
  }

  /** Give a fresh token, on the open connection and for those to come. */
  authenticate(token: string): Effect[] {
    this.token = token;
    return this.isReady ? [send({ type: "authenticate", token, message_id: newId(this.#requests) })] : [];
  }

  // Messages

  /**
   * Take a text frame; what still comes from a socket that was given up is ignored.
   *
   * @throws Error if it is no message of this protocol; the line is not to be trusted any more.
   */
  receive(text: string, now: number): Effect[] {
    if (this.#state !== "connected") {
      return [];
    }
    this.#keepAlive.heard(now);
    const message = decode(text);
    return this.#control(message as unknown as ControlMessage, now) ?? this.#open(message);
  }

  /** Take a message of an open type, known by what it holds; others are of a later version, and nothing. */
  #open(message: Readonly<Record<string, unknown>>): Effect[] {
    if (message["epoch"] != null) {
      return this.subscriptions.answer(message as unknown as Snapshot);
    }
    return message["id"] == null ? [] : this.subscriptions.event(message as unknown as EventMessage);
  }

  /** Take a message of a fixed type that asks for something; undefined if it is none. */
  #control(message: ControlMessage, now: number): Effect[] | undefined {
    const notice: Effect = { kind: "notice", message };
    switch (message.type) {
      case "pong":
        this.#report.answered();
        return [];
      case "subscribed":
      case "resumed":
        return this.subscriptions.answer(message);
      case "reset":
        return this.subscriptions.reset(message.topic, message.reason);
      case "revoked":
        return this.subscriptions.revoke(message.topic, message.reason);
      case "reply":
        return this.calls.end(message) ?? [];
      case "error":
        return this.#error(message, now);
      case "connected":
        this.calls.maxBytes = number(message.limits.max_message_bytes);
        this.#keepAlive.limit(number(message.ping_interval));
        return [notice];
      case "authenticated":
        return [notice, ...(this.isReady ? [] : this.#getReady())];
      case "goaway":
        this.#serverRetry = number(message.retry_after_ms) / 1000;
        return [notice];
      default:
        return undefined;
    }
  }

  /** Tell the failure of a call, of a subscription and of the line apart; what will pass is tried again. */
  #error(message: ErrorMessage, now: number): Effect[] {
    if (message.code === "unauthenticated" && message.topic == null) {
      // Nothing this line asks for will be answered, so the server's time limit need not be waited for.
      const closing = this.#closeSocket(NORMAL);
      const closed = this.closed(UNAUTHENTICATED, message.error, now, 0);
      return [{ kind: "notice", message }, ...closing, ...closed];
    }
    const { code, error, details } = message;
    const reply: Reply = { type: "reply", message_id: message.message_id ?? null, error: { code, error, details } };
    return this.calls.end(reply, true) ?? this.subscriptions.error(message, PASSING.has(code), now);
  }
}
