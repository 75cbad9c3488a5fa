// Made from src/trunkline by `make gen`; change it there.

import type { ErrorCode } from "./codes.js";

/** The WebSocket subprotocol. */
export const PROTOCOL = "trunkline.v2.json";

/** Give a token, as the first message or a fresh one later. */
export interface Authenticate {
  readonly type: "authenticate";
  readonly token: string;
  readonly message_id?: string | null;
}

/** The token was taken; `expires_at` is RFC 3339, or null for never. */
export interface Authenticated {
  readonly type: "authenticated";
  readonly expires_at: string | null;
  readonly message_id?: string | null;
}

/** Invoke a method. The same `key` takes effect once. */
export interface Call {
  readonly type: "call";
  readonly method: string;
  readonly params?: Record<string, unknown>;
  readonly key?: string | null;
  readonly message_id?: string | null;
}

/** The greeting. `server_time` is RFC 3339; `ping_interval` the longest silence wanted of a client, in seconds. */
export interface Connected {
  readonly type: "connected";
  readonly connection_id: string;
  readonly protocol: string;
  readonly server_time: string;
  readonly ping_interval: number;
  readonly limits: ConnectionLimits;
}

/** What the server takes: bytes a message, subscriptions a connection, messages a second. */
export interface ConnectionLimits {
  readonly max_message_bytes: number;
  readonly max_subscriptions: number;
  readonly messages_per_second: number;
}

/** A request failed; the connection stays. */
export interface ErrorMessage {
  readonly type: "error";
  readonly code: ErrorCode;
  readonly error: string;
  readonly details?: unknown;
  readonly topic?: string | null;
  readonly message_id?: string | null;
}

/** A published event. `seq` counts in the topic's log, `feed_seq` in the feed's, where it is in one. */
export interface EventMessage {
  readonly type: string;
  readonly topic: string;
  readonly seq: number;
  readonly feed_seq?: number | null;
  readonly id: string;
  readonly time: string;
  readonly data: unknown;
}

/** The server drains or has no room; once the connection has ended, reconnect after `retry_after_ms`. */
export interface Goaway {
  readonly type: "goaway";
  readonly reason: string;
  readonly retry_after_ms: number;
}

/** Ask for a `pong` with the same timestamp (milliseconds, any number). */
export interface Ping {
  readonly type: "ping";
  readonly timestamp?: number | null;
  readonly interval?: number | null;
  readonly seen?: Seen | null;
  readonly message_id?: string | null;
}

/** What a client saw and repaired since its last report that was answered. */
export interface Seen {
  readonly gaps?: number;
  readonly duplicates?: number;
  readonly reordered?: number;
}

/** Answer to `ping`. */
export interface Pong {
  readonly type: "pong";
  readonly timestamp?: number | null;
  readonly message_id?: string | null;
}

/** Answer to `call`: `result` or `error`, and where the events that the call produced stand. */
export interface Reply {
  readonly type: "reply";
  readonly message_id?: string | null;
  readonly result?: unknown;
  readonly error?: WireError | null;
  readonly positions?: readonly PublishedPosition[];
}

/** An error inside a `reply`. */
export interface WireError {
  readonly code: ErrorCode;
  readonly error: string;
  readonly details?: unknown;
}

/** Where an event that a call produced stands. */
export interface PublishedPosition {
  readonly topic: string;
  readonly epoch: string;
  readonly seq: number;
}

/** The stream broke (`gap`, `slow` or `epoch`); a fresh snapshot or `subscribed` follows. */
export interface Reset {
  readonly type: "reset";
  readonly topic: string;
  readonly reason: string;
}

/** `since` could be honoured; the next `recovered` event frames bring this topic up to `seq`. */
export interface Resumed {
  readonly type: "resumed";
  readonly topic: string;
  readonly epoch: string;
  readonly seq: number;
  readonly recovered: number;
  readonly message_id?: string | null;
}

/** The right to the topic ended. */
export interface Revoked {
  readonly type: "revoked";
  readonly topic: string;
  readonly reason: string;
}

/** A topic's state, true as of `seq`; it replaces what the client holds. `type` names its kind. */
export interface Snapshot {
  readonly type: string;
  readonly topic: string;
  readonly epoch: string;
  readonly seq: number;
  readonly data: unknown;
  readonly message_id?: string | null;
}

/** Ask for topics. Each element is a topic or `{"topic", "since"}`, checked one by one, so one fails alone. */
export interface Subscribe {
  readonly type: "subscribe";
  readonly topics: readonly unknown[];
  readonly message_id?: string | null;
}

/** The topic is live from this position; it has no snapshot. */
export interface Subscribed {
  readonly type: "subscribed";
  readonly topic: string;
  readonly epoch: string;
  readonly seq: number;
  readonly message_id?: string | null;
}

/** A topic to resume after a position. */
export interface TopicSince {
  readonly topic: string;
  readonly since?: WirePosition | null;
}

/** A position as it travels: `{"epoch": "...", "seq": 41}`. */
export interface WirePosition {
  readonly epoch: string;
  readonly seq: number;
}

/** Give up topics. */
export interface Unsubscribe {
  readonly type: "unsubscribe";
  readonly topics: readonly string[];
  readonly message_id?: string | null;
}

/** These topics are given up; nothing of them follows. */
export interface UnsubscribeSuccess {
  readonly type: "unsubscribe_success";
  readonly topics: readonly string[];
  readonly message_id?: string | null;
}

export type ClientMessage = Authenticate | Call | Ping | Subscribe | Unsubscribe;

export type ControlMessage = Authenticated | Connected | ErrorMessage | Goaway | Pong | Reply | Reset | Resumed | Revoked | Subscribed | UnsubscribeSuccess;

export type ServerMessage = Authenticated | Connected | ErrorMessage | EventMessage | Goaway | Pong | Reply | Reset | Resumed | Revoked | Snapshot | Subscribed | UnsubscribeSuccess;
