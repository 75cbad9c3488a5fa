import type { Params } from "./calls.js";
import type { LineState, Notice, StateChanged } from "./effects.js";
import type { PublishedPosition } from "./generated/messages.js";
import type { Position } from "./position.js";

/** Takes what a line has for the application, in order. What it throws is reported, and goes no further. */
export type Listener = (notice: Notice) => void;

/** The answer to a call. */
export interface CallResult<Result = unknown> {
  readonly result: Result;
  /** Where the events stand that the call produced; who has processed them sees the effect. */
  readonly positions: readonly PublishedPosition[];
}

export interface CallOptions {
  /** Idempotency key: a repeated call takes effect once, if its method sees to it as the protocol says. */
  readonly key?: string | undefined;
}

/**
 * A line as its users see it: what `TopicManager` and the hooks need.
 *
 * `WsClient` is one with a socket of its own. Whatever else can carry these requests and notices in order, such as a
 * tab's proxy for a socket that all tabs share, is one as well.
 */
export interface Line {
  readonly state: LineState;
  /** The change that led to the present state; the same object until the next. */
  readonly lastChange: StateChanged;
  /**
   * Want a topic, now and after each reconnect; with `since`, from that position on. One that is wanted already is asked
   * for anew, from there. Throws `RequestError` if it is no topic.
   */
  subscribe(topic: string, since?: Position): void;
  /** Ask for a fresh snapshot of a topic; returns whether one will come, because the topic has snapshots. */
  refresh(topic: string): boolean;
  /** Want a topic no more. */
  unsubscribe(topic: string): void;
  /** Call a method once the line is up; see `WsClient.call`. */
  call<Result>(method: string, params?: Params, options?: CallOptions): Promise<CallResult<Result>>;
  /** Resolves when requests can be sent; rejects with `LineClosed` if the line is closed for good. */
  whenReady(): Promise<void>;
  /** Hand everything to this listener too; returns what removes it. */
  addListener(listener: Listener): () => void;
}
