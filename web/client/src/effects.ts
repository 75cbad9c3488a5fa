import type { ErrorCode } from "./generated/codes.js";
import type { Reply, ServerMessage } from "./generated/messages.js";
import type { Position } from "./position.js";

/** What a person would call the state of the line. */
export type LineState = "idle" | "connecting" | "connected" | "waiting" | "closed";

// What reaches the application

/** An event, handed over once, in the order of its topic and its feed. */
export interface ReceivedEvent<Type extends string = string, Data = unknown> {
  readonly kind: "event";
  readonly type: Type;
  readonly topic: string;
  /** Its number in its topic. */
  readonly seq: number;
  /** Its number in its feed, where it is in one. */
  readonly feedSeq?: number | undefined;
  readonly id: string;
  /** RFC 3339. */
  readonly time: string;
  readonly data: Data;
  /** The subscribed topics it is new for: its own, its feed, or both. */
  readonly subscriptions: readonly string[];
}

/** A topic's state as of `position`; it replaces whatever is held of the topic. */
export interface ReceivedSnapshot<Data = unknown> {
  readonly kind: "snapshot";
  readonly type: string;
  readonly topic: string;
  readonly position: Position;
  readonly data: Data;
}

/**
 * The stream of a topic could not be kept whole: what follows does not continue what came before.
 *
 * A fresh snapshot follows where the topic has one; where it has none, events between may be lost.
 */
export interface ReceivedReset {
  readonly kind: "reset";
  readonly topic: string;
  readonly reason: string;
}

/**
 * What comes for a topic.
 *
 * @typeParam Events the data of each type of event by its name: `{ agent_updated: Agent }`. A server may send types
 *   that are not listed; they are handed over all the same.
 * @typeParam State the data of the topic's snapshots.
 */
export type Update<Events = Record<string, unknown>, State = unknown> =
  | { [Type in keyof Events & string]: ReceivedEvent<Type, Events[Type]> }[keyof Events & string]
  | ReceivedSnapshot<State>
  | ReceivedReset;

/** A subscription was answered, and is live. */
export interface TopicOpened {
  readonly kind: "opened";
  readonly topic: string;
  /** Where it stands, or will stand once the missed events have come. */
  readonly position: Position;
  /** How many missed events follow; undefined unless it was resumed. */
  readonly recovered?: number;
  /** Whether a snapshot follows at once; undefined if it was resumed. */
  readonly hasSnapshot?: boolean;
}

/** A subscription ended: refused, or revoked later (`code` is undefined then). */
export interface TopicFailed {
  readonly kind: "failed";
  readonly topic: string;
  readonly code: ErrorCode | undefined;
  readonly sentence: string;
}

/** The line's state is another one. */
export interface StateChanged {
  readonly kind: "state";
  readonly state: LineState;
  /** The close code that led to it, if one did. */
  readonly code?: number | undefined;
  readonly reason: string;
  /** Seconds until the next try, while waiting. */
  readonly retryIn?: number | undefined;
}

/** Any other message of the server, for `onMessage` alone. */
export interface Noticed {
  readonly kind: "notice";
  readonly message: ServerMessage;
}

/** What reaches the application, in order. */
export type Notice = Update | TopicOpened | TopicFailed | StateChanged | Noticed;

/** A call was answered, or the line was cut before its answer came (there is no `reply` then). */
export interface CallEnded {
  readonly kind: "call-ended";
  readonly messageId: string;
  readonly reply?: Reply;
  /** The message was refused, and the method never ran. */
  readonly isRefusal?: boolean;
}

// What the shell must do

/** Connect, then say `opened` or `closed`. */
export interface OpenSocket {
  readonly kind: "open-socket";
}

/** Send a text frame. */
export interface SendText {
  readonly kind: "send";
  readonly text: string;
}

/** Close the socket, and hear no more from it; `closed` was handled already. */
export interface CloseSocket {
  readonly kind: "close-socket";
  readonly code: number;
}

export type Effect = Notice | CallEnded | OpenSocket | SendText | CloseSocket;
