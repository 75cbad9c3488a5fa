import type { Notice, TopicFailed, TopicOpened, Update } from "./effects.js";
import { RequestError } from "./errors.js";
import type { Line } from "./line.js";
import type { Position } from "./position.js";

/** Takes what comes for a topic, in order. What it throws is reported, and goes no further. */
export type Handler<Events = Record<string, unknown>, State = unknown> = (update: Update<Events, State>) => void;

export interface HandlerOptions {
  /** The position up to which everything is known; what came after it is sent first. For the first handler alone. */
  readonly since?: Position | undefined;
  /** Told each time the subscription was answered, before what comes of it. */
  readonly onOpened?: (opened: TopicOpened) => void;
  /** Told once when the server refused the topic or took it away; the handler is gone then. */
  readonly onFailure?: (error: RequestError) => void;
}

/** One handler's place at a topic, to remove it by. */
export interface HandlerReference {
  readonly topic: string;
  readonly handler: Handler;
  readonly options: HandlerOptions;
}

/** What a `TopicManager` needs of a line. */
export type TopicLine = Pick<Line, "subscribe" | "refresh" | "unsubscribe" | "addListener">;

/**
 * Keeps the handlers of each topic, subscribes with the first, unsubscribes with the last.
 *
 * After a reconnect the line subscribes again by itself, with positions. Updates of one topic reach its handlers in
 * order; an event of `agent:12` reaches handlers of `agent:12` and handlers of `agent:*`, each once.
 */
export class TopicManager {
  readonly #line: TopicLine;
  readonly #onError: (error: unknown) => void;
  readonly #handlers = new Map<string, readonly HandlerReference[]>();
  readonly #joining = new Set<HandlerReference>();

  /** @param onError told what handlers throw; the console unless given. */
  constructor(line: TopicLine, onError: (error: unknown) => void = console.error) {
    this.#line = line;
    this.#onError = onError;
    line.addListener((notice) => this.#route(notice));
  }

  /** The topics that have handlers. */
  get topics(): string[] {
    return [...this.#handlers.keys()];
  }

  /**
   * Add a handler to a topic.
   *
   * A handler that joins a topic whose snapshot came before makes a fresh snapshot come, for all its handlers, and is
   * handed nothing before it. Types of events are the caller's claim: `subscribe<{ agent_updated: Agent }>(…)`.
   *
   * @throws RequestError `invalid_topic` if it is no topic.
   */
  subscribe<Events = Record<string, unknown>, State = unknown>(
    topic: string,
    handler: Handler<Events, State>,
    options: HandlerOptions = {},
  ): HandlerReference {
    const reference: HandlerReference = { topic, handler: handler as Handler, options };
    const known = this.#handlers.get(topic);
    if (!known) {
      this.#line.subscribe(topic, options.since);
    } else if (this.#line.refresh(topic)) {
      this.#joining.add(reference);
    }
    this.#handlers.set(topic, [...(known ?? []), reference]);
    return reference;
  }

  /** Remove one handler alone; the topic is given up with its last one. A handler removed before is ignored. */
  unsubscribeHandler(reference: HandlerReference): void {
    this.#joining.delete(reference);
    const left = this.#of(reference.topic).filter((other) => other !== reference);
    if (left.length) {
      this.#handlers.set(reference.topic, left);
    } else if (this.#handlers.delete(reference.topic)) {
      this.#line.unsubscribe(reference.topic);
    }
  }

  #route(notice: Notice): void {
    switch (notice.kind) {
      case "event":
        this.#handOver(notice.subscriptions.flatMap(this.#of), notice);
        break;
      case "snapshot":
      case "reset":
        this.#handOver(this.#of(notice.topic), notice);
        break;
      case "opened":
        for (const { options } of this.#of(notice.topic)) {
          this.#guard(() => options.onOpened?.(notice));
        }
        break;
      case "failed":
        this.#fail(notice);
    }
  }

  readonly #of = (topic: string): readonly HandlerReference[] => this.#handlers.get(topic) ?? [];

  #handOver(references: readonly HandlerReference[], update: Update): void {
    for (const reference of references) {
      if (update.kind === "snapshot") {
        this.#joining.delete(reference);
      }
      // An earlier handler may have removed this one.
      if (!this.#joining.has(reference) && this.#of(reference.topic).includes(reference)) {
        this.#guard(() => reference.handler(update));
      }
    }
  }

  #fail({ topic, code, sentence }: TopicFailed): void {
    const references = this.#of(topic);
    this.#handlers.delete(topic);
    const error = new RequestError(sentence, code ?? "forbidden");
    for (const reference of references) {
      this.#joining.delete(reference);
      this.#guard(() => reference.options.onFailure?.(error));
    }
  }

  #guard(callBack: () => unknown): void {
    guard(callBack, this.#onError);
  }
}

/** Call what belongs to the application; what it throws, now or as a promise, is reported and goes no further. */
export function guard(callBack: () => unknown, onError: (error: unknown) => void): void {
  try {
    const result = callBack();
    if (result instanceof Promise) {
      result.catch(onError);
    }
  } catch (error) {
    onError(error);
  }
}
