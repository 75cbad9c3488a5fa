import { takeOutcome } from "../call-outcome.js";
import type { Params } from "../calls.js";
import type { LineState, Notice, StateChanged } from "../effects.js";
import { LineClosed } from "../errors.js";
import type { CallOptions, CallResult, Line, Listener } from "../line.js";
import type { LineStats } from "../line-stats.js";
import type { Position } from "../position.js";
import { guard } from "../topic-manager.js";

import type { HubNotice, LineFigures, LineSetup } from "./messages.js";
import { NO_FIGURES } from "./no-figures.js";
import type { ShareKind } from "./share.js";
import { Stay, type StayOptions } from "./stay.js";
import { TabCalls } from "./tab-calls.js";
import { TabTopics } from "./tab-topics.js";

/** What the line of this browser is doing, for those who show it; another object after each change. */
export interface LineView extends LineFigures {
  readonly state: LineState;
  /** Who has the socket: a shared worker, this tab for all (`leader`), another tab (`follower`), this tab `alone`. */
  readonly share: ShareKind;
}

export interface TabLineOptions extends StayOptions {
  readonly setup: LineSetup;
  readonly fetchToken: () => Promise<string>;
  readonly onError: (error: unknown) => void;
  /** Told what the line has learned of its network. */
  readonly onLearned: (learned: LineFigures["learned"]) => void;
}

/**
 * A tab's end of the line that all tabs of the origin share.
 *
 * It is a `Line`, and what it hands over is for this tab's topics alone, from this tab's positions on. Where the line's
 * owner goes away, another takes its place and goes on from the positions of each tab.
 */
export class TabLine implements Line {
  readonly #options: TabLineOptions;
  readonly #topics: TabTopics;
  readonly #stay: Stay;
  readonly #listeners = new Set<Listener>();
  readonly #watchers = new Set<() => void>();
  readonly #calls: TabCalls;
  #waiting: (() => void)[] = [];
  #lastChange: StateChanged = { kind: "state", state: "idle", reason: "" };
  #isReady = false;
  #figures = NO_FIGURES;
  #view: LineView | undefined;

  constructor(options: TabLineOptions) {
    this.#options = options;
    this.#topics = new TabTopics((request) => this.#stay.post(request));
    this.#calls = new TabCalls((request) => this.#stay.post(request));
    this.#stay = new Stay(options, {
      hello: () => this.#hello(),
      received: (notice) => this.#take(notice),
      lost: (reason) => this.#lost(reason),
    });
  }

  get state(): LineState {
    return this.#lastChange.state;
  }

  get lastChange(): StateChanged {
    return this.#lastChange;
  }

  /** Who has the socket. */
  get share(): ShareKind {
    return this.#stay.kind;
  }

  /** What the shared line went through; up to date while somebody watches. */
  get stats(): Readonly<LineStats> {
    return this.#figures.stats;
  }

  /** What this tab has processed of each of its topics, where it has anything. */
  positions(): Map<string, Position> {
    return this.#topics.positions();
  }

  addListener(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What the line is doing; the same object until `watch` tells of a change. */
  readonly getView = (): LineView => {
    this.#view ??= { ...this.#figures, state: this.state, share: this.share };
    return this.#view;
  };

  /** Call back when `getView` has something new, each second at the latest; returns what ends it. */
  readonly watch = (listener: () => void): (() => void) => {
    this.#watchers.add(listener);
    this.#watchers.size === 1 && this.#stay.post({ kind: "watch", isOn: true });
    return () => {
      this.#watchers.delete(listener);
      this.#watchers.size || this.#stay.post({ kind: "watch", isOn: false });
    };
  };

  // Life

  /** Join the shared line; one that is closed or waits connects at once. */
  start(): void {
    if (this.#stay.isOpen) {
      this.#stay.post({ kind: "start" });
      return;
    }
    this.#change({ kind: "state", state: "connecting", reason: "" });
    this.#stay.open();
  }

  /** Leave the shared line, which other tabs go on using. `start` joins again, with the positions of before. */
  close(): void {
    if (this.#stay.isOpen || this.state !== "closed") {
      this.#stay.close();
      this.#leave({ kind: "state", state: "closed", reason: "closed by the application" });
    }
  }

  /** Ask the server at once whether the line is open; the time of the answer is the view's `roundTrip`. */
  probe(): void {
    this.#stay.post({ kind: "signal", signal: "doubt" });
  }

  /** Resolves when requests can be sent; rejects with `LineClosed` if the line is closed for good. */
  async whenReady(): Promise<void> {
    while (!this.#isReady) {
      if (this.state === "closed") {
        throw new LineClosed(this.#lastChange.code, this.#lastChange.reason);
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  // Requests

  subscribe(topic: string, since?: Position): void {
    this.#topics.subscribe(topic, since);
  }

  refresh(topic: string): boolean {
    return this.#topics.refresh(topic);
  }

  unsubscribe(topic: string): void {
    this.#topics.unsubscribe(topic);
  }

  /** Give a fresh token on the open connection, before the old one runs out. */
  authenticate(token: string): void {
    this.#stay.post({ kind: "authenticate", token });
  }

  /** Call a method once the line is up; the answer comes to this tab alone. Rejects as `WsClient.call` does. */
  async call<Result>(method: string, params: Params = {}, options: CallOptions = {}): Promise<CallResult<Result>> {
    const json = JSON.stringify(params);
    while (!this.#isReady) {
      await this.whenReady(); // It may be cut again before this goes on.
    }
    const outcome = await this.#calls.make(method, json, options);
    return takeOutcome(outcome, method) as CallResult<Result>;
  }

  // The hub

  #hello(): void {
    if (this.state !== "connecting") {
      this.#change({ kind: "state", state: "connecting", reason: "" });
    }
    this.#stay.post({ kind: "hello", id: this.#stay.id, setup: this.#options.setup, topics: this.#topics.wanted() });
    this.#watchers.size && this.#stay.post({ kind: "watch", isOn: true });
  }

  #take(notice: HubNotice): void {
    switch (notice.kind) {
      case "welcome":
        this.#welcome(notice);
        return;
      case "state":
        this.#mirror(notice.change);
        return;
      case "ready":
        this.#ready();
        return;
      case "topic":
        for (const one of notice.notices) {
          this.#handOver(this.#topics.take(notice.id, one));
        }
        return;
      case "event":
        this.#handOver(this.#topics.event(notice));
        return;
      case "notice":
        this.#handOver(notice.notice);
        return;
      case "called":
        this.#calls.end(notice.id, notice.outcome);
        return;
      case "ask-token":
        this.#answerToken(notice.id);
        return;
      case "figures":
        this.#show(notice.figures);
        return;
      case "pong":
        this.#options.onLearned(notice.learned);
        return;
    }
  }

  #welcome({ change, isReady, figures }: HubNotice & { kind: "welcome" }): void {
    this.#show(figures);
    change.state === "idle" || this.#mirror(change);
    isReady && this.#ready();
  }

  #mirror(change: StateChanged): void {
    if (change.state === "connecting" && this.state === "connecting") {
      return;
    }
    if (change.state !== "connecting" && change.state !== "connected") {
      this.#leave(change);
    } else {
      this.#isReady = false;
      this.#change(change);
    }
  }

  #ready(): void {
    this.#isReady = true;
    this.#wake();
  }

  #lost(reason: string): void {
    if (this.state === "connected" || this.state === "connecting") {
      this.#leave({ kind: "state", state: "waiting", reason, retryIn: 0 });
    }
  }

  /** There is no line: what was called and not answered may have taken effect. */
  #leave(change: StateChanged): void {
    this.#isReady = false;
    this.#calls.cut();
    this.#change(change);
  }

  #change(change: StateChanged): void {
    this.#lastChange = change;
    this.#handOver(change);
    this.#show(this.#figures);
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) {
      resolve();
    }
  }

  #show(figures: LineFigures): void {
    this.#figures = figures;
    this.#view = undefined;
    for (const watcher of this.#watchers) {
      guard(watcher, this.#options.onError);
    }
  }

  #handOver(notice: Notice | undefined): void {
    if (notice) {
      for (const listener of this.#listeners) {
        guard(() => listener(notice), this.#options.onError);
      }
    }
  }

  async #answerToken(id: number): Promise<void> {
    try {
      const token = await this.#options.fetchToken();
      this.#stay.post({ kind: "token", id, token });
    } catch (error) {
      this.#options.onError(error);
      this.#stay.post({ kind: "token", id, error: String(error) });
    }
  }
}
