import type { ClientLine } from "../client-line.js";
import type { ReceivedEvent, ReceivedReset, TopicOpened, Update } from "../effects.js";
import type { RequestError } from "../errors.js";
import { judge, type Position } from "../position.js";
import { platformTimers, type Timers } from "../timers.js";
import { guard, type HandlerReference } from "../topic-manager.js";
import type { KeptTopic, TopicKeeper } from "./topic-keeper.js";

/** An event of a typed topic. */
export type EventOf<Events> = Extract<Update<Events>, { readonly kind: "event" }>;

/** How what is held of a topic is made from what comes for it. These functions must be pure. */
export interface TopicOptions<Data, Events = Record<string, unknown>, State = Data> {
  /** What is held before anything came. */
  readonly initial: Data;
  /** What is held after an event; unchanged unless given. An event may come whose effect is held already. */
  readonly reduce?: ((data: Data, event: EventOf<Events>) => Data) | undefined;
  /** What is held after a snapshot; its data unless given. */
  readonly fromSnapshot?: ((state: State) => Data) | undefined;
  /**
   * What is left when the stream broke; all of it unless given. A snapshot follows where the topic has one; where it has
   * none, events between may be lost.
   */
  readonly onReset?: ((data: Data, reset: ReceivedReset) => Data) | undefined;
  /** Keeps what is held, with its position, so that the next page resumes. */
  readonly keeper?: TopicKeeper | undefined;
  readonly timers?: Timers | undefined;
  /** Told what the functions throw and the keeper fails at; the console unless given. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** What is held of a topic at one moment. */
export interface TopicView<Data> {
  readonly data: Data;
  /**
   * `loading`: nothing came yet. `live`: up to date. `stale`: it may be behind, because there is no line, the stream
   * broke, or it was kept from an earlier page. `failed`: the server refused the topic or took it away.
   */
  readonly status: "loading" | "live" | "stale" | "failed";
  readonly error?: RequestError | undefined;
}

/** Seconds between two tellings: a change after quiet is told at once, and many are told once a frame. */
const FRAME = 1 / 60;

/** Seconds between two savings. */
const SAVING = 0.25;

/**
 * What a topic holds, folded from its snapshots and events; for those who show it.
 *
 * The topic is subscribed while somebody listens, and a moment longer, so that a view that is replaced by another of the
 * same topic costs nothing. Who listens again resumes where it was left.
 */
export class TopicState<Data, Events = Record<string, unknown>, State = Data> {
  readonly #client: ClientLine;
  readonly #options: TopicOptions<Data, Events, State>;
  readonly #timers: Timers;
  readonly #onError: (error: unknown) => void;
  readonly #listeners = new Set<() => void>();
  #data: Data;
  #status: TopicView<Data>["status"] = "loading";
  #error: RequestError | undefined;
  #view: TopicView<Data>;
  #position: Position | undefined;
  #reference: HandlerReference | undefined;
  #isAttached = false;
  #stopListening: () => void = () => {};
  #letting: unknown;
  #frame: unknown;
  #saving: unknown;
  #hasChanged = false;

  constructor(
    client: ClientLine,
    readonly topic: string,
    options: TopicOptions<Data, Events, State>,
  ) {
    this.#client = client;
    this.#options = options;
    this.#timers = options.timers ?? platformTimers;
    this.#onError = options.onError ?? console.error;
    this.#data = options.initial;
    this.#view = { data: this.#data, status: this.#status };
  }

  /** What is held; the same object until the next change is told. */
  readonly getSnapshot = (): TopicView<Data> => this.#view;

  /** Call back after changes, at most once a frame; returns what ends it. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    this.#timers.clear(this.#letting);
    this.#attach();
    return () => {
      this.#listeners.delete(listener);
      if (!this.#listeners.size) {
        this.#letting = this.#timers.set(() => this.#detach(), 0);
      }
    };
  };

  #attach(): void {
    if (this.#isAttached) {
      return;
    }
    this.#isAttached = true;
    this.#stopListening = this.#client.line.addListener((notice) => {
      if (notice.kind === "state" && notice.state !== "connected" && this.#status === "live") {
        this.#become("stale");
      }
    });
    const { keeper } = this.#options;
    if (keeper && !this.#position) {
      this.#restore(keeper);
    } else {
      this.#ask();
    }
  }

  /** Take up what an earlier page kept, then ask for what came since. */
  async #restore(keeper: TopicKeeper): Promise<void> {
    let kept: KeptTopic | undefined;
    try {
      kept = await keeper.loadTopic(this.topic);
    } catch (error) {
      this.#onError(error);
    }
    if (!this.#isAttached) {
      return;
    }
    if (kept) {
      this.#data = kept.data as Data;
      this.#position = kept.position;
      this.#become("stale");
    }
    this.#ask();
  }

  #ask(): void {
    const options = {
      since: this.#position,
      onOpened: (opened: TopicOpened) => this.#opened(opened),
      onFailure: (error: RequestError) => this.#fail(error),
    };
    const { topics } = this.#client;
    try {
      this.#reference = topics.subscribe<Events, State>(this.topic, (update) => this.#take(update), options);
    } catch (error) {
      this.#fail(error as RequestError); // It is no topic.
    }
  }

  #detach(): void {
    this.#isAttached = false;
    this.#stopListening();
    if (this.#reference) {
      this.#client.topics.unsubscribeHandler(this.#reference);
      this.#reference = undefined;
    }
    if (this.#status === "live") {
      this.#become("stale");
    }
  }

  #fail(error: RequestError): void {
    this.#reference = undefined;
    this.#error = error;
    this.#data = this.#options.initial;
    this.#position = undefined;
    this.#options.keeper?.removeTopic(this.topic).catch(this.#onError);
    this.#become("failed");
  }

  #become(status: TopicView<Data>["status"]): void {
    this.#status = status;
    this.#changed();
  }

  // What comes

  #opened({ position, recovered, hasSnapshot }: TopicOpened): void {
    this.#error = undefined;
    if (hasSnapshot) {
      return; // It comes at once; what is held before it is no state of the topic.
    }
    if (recovered === undefined) {
      this.#position = position;
    }
    this.#become("live");
  }

  #take(update: Update<Events, State>): void {
    guard(() => this.#fold(update), this.#onError);
    this.#changed();
    if (this.#options.keeper && this.#saving === undefined) {
      this.#saving = this.#timers.set(() => this.#save(), SAVING);
    }
  }

  #fold(update: Update<Events, State>): void {
    const { fromSnapshot, onReset } = this.#options;
    switch (update.kind) {
      case "snapshot": {
        const { data, position } = update as { data: State; position: Position };
        this.#data = fromSnapshot ? fromSnapshot(data) : (data as unknown as Data);
        this.#position = position;
        this.#status = "live";
        return;
      }
      case "reset":
        this.#position = undefined;
        this.#status = "stale";
        this.#data = onReset ? onReset(this.#data, update as ReceivedReset) : this.#data;
        return;
      default:
        this.#foldEvent(update as ReceivedEvent);
    }
  }

  #foldEvent(event: ReceivedEvent): void {
    const { reduce, onReset } = this.#options;
    const seq = this.topic.endsWith(":*") ? event.feedSeq : event.seq;
    if (this.#position && seq !== undefined) {
      const step = judge(this.#position.seq, seq);
      if (step === "old") {
        return; // It was replayed for another handler.
      }
      if (step === "gap" && onReset) {
        // Another handler had the topic already, further on than this was.
        this.#data = onReset(this.#data, { kind: "reset", topic: this.topic, reason: "gap" });
      }
      this.#position = { epoch: this.#position.epoch, seq };
    }
    this.#data = reduce ? reduce(this.#data, event as EventOf<Events>) : this.#data;
  }

  // Telling and keeping

  #changed(): void {
    this.#hasChanged = true;
    if (this.#frame === undefined) {
      this.#tell();
    }
  }

  #tell(): void {
    this.#frame = undefined;
    if (!this.#hasChanged) {
      return;
    }
    this.#hasChanged = false;
    this.#view = { data: this.#data, status: this.#status, error: this.#error };
    this.#frame = this.#timers.set(() => this.#tell(), FRAME);
    for (const listener of this.#listeners) {
      guard(listener, this.#onError);
    }
  }

  /** Save data and position together, so that what resumes from the one has the other. */
  #save(): void {
    this.#saving = undefined;
    if (this.#position) {
      const kept = { topic: this.topic, position: this.#position, data: this.#data };
      this.#options.keeper?.saveTopic(kept).catch(this.#onError);
    }
  }
}
