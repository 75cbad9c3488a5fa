import { failedOutcome } from "../call-outcome.js";
import type { Notice, StateChanged } from "../effects.js";
import type { Signal, Signals } from "../signals.js";
import type { SocketConstructor } from "../socket.js";
import type { Timers } from "../timers.js";
import type { Token, WsClientOptions } from "../ws-client.js";
import { Figures } from "./figures.js";
import { HubTab, type TabLocks } from "./hub-tab.js";
import type { HubNotice, LineSetup, TabRequest } from "./messages.js";
import { NO_FIGURES } from "./no-figures.js";
import type { SharedLine } from "./shared-line.js";
import { SharedTopics } from "./shared-topics.js";
import { timedSocket } from "./timed-socket.js";
import { TokenRequests } from "./token-requests.js";

/** What a hub is made of. */
export interface TabHubOptions {
  readonly makeLine: (url: string, options: WsClientOptions) => SharedLine;
  /** None where the platform has none; the line then says so. */
  readonly webSocket: SocketConstructor | undefined;
  readonly timers: Timers;
  /** Seconds on a clock that never goes back. */
  readonly clock: () => number;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
  /** Tells when a tab has died; where there are no locks, tabs must be heard. */
  readonly locks: TabLocks | undefined;
  readonly onError: (error: unknown) => void;
}

/** Seconds after which a tab that holds no lock, and was not heard, counts as dead; hidden tabs are slow. */
const UNHEARD = 180;

/**
 * The line of all tabs: takes what tabs request, and tells each what it wants to hear.
 *
 * It holds no port and no channel: `connect` gives it a way to a tab, and `HubTab.receive` takes what the tab says. The
 * line is made for the first tab, and closed after the last.
 */
export class TabHub {
  /** The Web Lock that it holds as long as it lives, if it holds one. */
  lock: string | undefined;
  readonly #options: TabHubOptions;
  readonly #tabs = new Set<HubTab>();
  readonly #tokens: TokenRequests;
  readonly #figures: Figures;
  #line: SharedLine | undefined;
  #topics: SharedTopics | undefined;
  #signal: (signal: Signal) => void = () => {};
  #isReady = false;
  #connections = 0;
  #changedAt = 0;
  #lookTimer: unknown;

  constructor(options: TabHubOptions) {
    this.#options = options;
    this.#tokens = new TokenRequests(this.#tabs, options.timers);
    this.#figures = new Figures(this.#tabs, options.timers, (tab, figures) =>
      this.#post(tab, { kind: "figures", figures }),
    );
  }

  /** A way to a tab; it counts once it says `hello`, until `onEnd`. What is posted must arrive later, in order. */
  connect(post: (notice: HubNotice) => void, onEnd: () => void = () => {}): HubTab {
    return new HubTab(post, (tab, request) => this.#receive(tab, request), onEnd);
  }

  /** Let all tabs go, and close the line. */
  close(reason: string): void {
    for (const tab of [...this.#tabs]) {
      tab.post({ kind: "dropped", reason });
      this.#remove(tab);
    }
  }

  // Tabs

  #receive(tab: HubTab, request: TabRequest): void {
    tab.heardAt = this.#options.clock();
    if (request.kind === "hello") {
      this.#welcome(tab, request);
    } else if (this.#tabs.has(tab)) {
      this.#request(tab, request);
    } else if (request.kind === "ping") {
      tab.post({ kind: "dropped", reason: "This tab was taken for dead" });
    }
  }

  #welcome(tab: HubTab, { id, setup, topics }: TabRequest & { kind: "hello" }): void {
    this.#tabs.add(tab);
    tab.hasToken = setup.hasToken;
    const { locks } = this.#options;
    if (locks) {
      tab.watch(locks, id, () => this.#remove(tab));
    } else {
      this.#lookForDeadTabs();
    }
    const line = this.#line ?? this.#makeLine(setup);
    const change = { ...line.lastChange };
    if (change.retryIn !== undefined) {
      change.retryIn = Math.max(0, change.retryIn - (this.#options.clock() - this.#changedAt));
    }
    tab.post({ kind: "welcome", change, isReady: this.#isReady, figures: this.#figures.read(line), lock: this.lock });
    for (const { id: number, topic, since } of topics) {
      this.#topics?.subscribe(tab, number, topic, since);
    }
    line.state === "idle" && line.start();
    this.#figures.tell(this.#line);
  }

  #request(tab: HubTab, request: Exclude<TabRequest, { kind: "hello" }>): void {
    switch (request.kind) {
      case "subscribe":
        this.#topics?.subscribe(tab, request.id, request.topic, request.since);
        return;
      case "unsubscribe":
        this.#topics?.unsubscribe(tab, request.topic);
        return;
      case "call":
        this.#call(tab, request);
        return;
      case "signal":
        this.#signal(request.signal);
        return;
      case "authenticate":
        this.#line?.authenticate(request.token);
        return;
      case "token":
        this.#tokens.answer(request);
        return;
      case "start":
        this.#line?.start();
        return;
      case "watch":
        tab.isWatching = request.isOn;
        this.#figures.tell(this.#line);
        return;
      case "ping":
        this.#post(tab, { kind: "pong", learned: this.#line?.learned ?? NO_FIGURES.learned });
        return;
      case "ack":
        tab.acknowledge(request.count);
        return;
      case "bye":
        this.#remove(tab);
        return;
    }
  }

  #remove(tab: HubTab): void {
    if (!this.#tabs.delete(tab)) {
      return;
    }
    tab.end();
    this.#topics?.leave(tab);
    this.#tokens.forget(tab);
    if (!this.#tabs.size) {
      this.#closeLine();
    }
    this.#figures.tell(this.#line);
  }

  #post(tab: HubTab, notice: HubNotice): void {
    if (!tab.post(notice)) {
      tab.post({ kind: "dropped", reason: "This tab did not keep up" });
      this.#remove(tab);
    }
  }

  #postAll(notice: HubNotice): void {
    for (const tab of [...this.#tabs]) {
      this.#post(tab, notice);
    }
  }

  #lookForDeadTabs(): void {
    const { timers, clock } = this.#options;
    timers.clear(this.#lookTimer);
    this.#lookTimer = timers.set(() => {
      for (const tab of [...this.#tabs]) {
        clock() - tab.heardAt > UNHEARD && this.#remove(tab);
      }
      this.#tabs.size && this.#lookForDeadTabs();
    }, UNHEARD / 6);
  }

  async #call(tab: HubTab, { id, method, params, key }: TabRequest & { kind: "call" }): Promise<void> {
    try {
      const answer = await this.#line?.call(method, JSON.parse(params), { key });
      answer && this.#tabs.has(tab) && this.#post(tab, { kind: "called", id, outcome: { kind: "answer", answer } });
    } catch (error) {
      this.#tabs.has(tab) && this.#post(tab, { kind: "called", id, outcome: failedOutcome(error) });
    }
  }

  // The line

  #makeLine({ url, hasToken, session, openTimeout }: LineSetup): SharedLine {
    const { makeLine, webSocket, timers, clock, onError } = this.#options;
    const signals: Signals = (listener) => {
      this.#signal = listener;
      return () => {};
    };
    const token: Token = () => this.#tokens.fetch();
    const line = makeLine(url, {
      session,
      signals,
      timers,
      clock,
      onError,
      ...(webSocket && { webSocket: timedSocket(webSocket, clock, (seconds) => this.#answered(seconds)) }),
      ...(hasToken && { token }),
      ...(openTimeout !== undefined && { openTimeout }),
    });
    this.#line = line;
    const topics = new SharedTopics(line, (tab, notice) => this.#post(tab, notice));
    this.#topics = topics;
    line.addListener((notice) => this.#line === line && this.#take(line, topics, notice));
    return line;
  }

  #closeLine(): void {
    const line = this.#line;
    this.#line = this.#topics = undefined;
    this.#isReady = false;
    this.#figures.cut();
    this.#options.timers.clear(this.#lookTimer);
    line?.close();
  }

  #take(line: SharedLine, topics: SharedTopics, notice: Notice): void {
    if (notice.kind === "state") {
      this.#changed(line, topics, notice);
    } else if (notice.kind === "notice") {
      this.#postAll({ kind: "notice", notice });
    } else {
      topics.take(notice);
    }
  }

  #changed(line: SharedLine, topics: SharedTopics, change: StateChanged): void {
    const connection = ++this.#connections;
    this.#isReady = false;
    this.#changedAt = this.#options.clock();
    this.#postAll({ kind: "state", change });
    if (change.state === "connected") {
      this.#figures.connectedAt = this.#options.wallClock();
      line.whenReady().then(
        () => connection === this.#connections && this.#ready(),
        () => {}, // It is closed for good, which the state tells.
      );
    } else if (this.#figures.connectedAt !== undefined) {
      this.#figures.cut();
      topics.cut();
    }
    this.#figures.tell(this.#line);
  }

  #answered(seconds: number): void {
    this.#figures.roundTrip = seconds;
    this.#figures.tell(this.#line);
  }

  #ready(): void {
    this.#isReady = true;
    this.#postAll({ kind: "ready" });
  }
}
