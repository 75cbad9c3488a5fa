import { failedOutcome } from "../call-outcome.js";
import type { LineState, Notice, ReceivedEvent, StateChanged } from "../effects.js";
import type { Learned } from "../keep-alive.js";
import type { Line } from "../line.js";
import type { LineStats } from "../line-stats.js";
import type { Position } from "../position.js";
import type { Signal, Signals } from "../signals.js";
import type { SocketConstructor } from "../socket.js";
import type { Timers } from "../timers.js";
import type { Token, WsClientOptions } from "../ws-client.js";
import { HubTab, type TabLocks } from "./hub-tab.js";
import type { HubNotice, LineFigures, LineSetup, TabRequest } from "./messages.js";
import { type Member, SharedTopic } from "./shared-topic.js";
import { timedSocket } from "./timed-socket.js";
import { TokenRequests } from "./token-requests.js";

/** What a hub needs of the line that it shares: `WsClient` is one. */
export interface SharedLine extends Line {
  readonly stats: Readonly<LineStats>;
  readonly learned: Learned;
  positions(): Map<string, Position>;
  start(): void;
  close(): void;
  authenticate(token: string): void;
}

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

/** Seconds between two tellings of figures. */
const FIGURES = 1;

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
  readonly #topics = new Map<string, SharedTopic<HubTab>>();
  readonly #tokens: TokenRequests;
  #line: SharedLine | undefined;
  #signal: (signal: Signal) => void = () => {};
  #isReady = false;
  #connections = 0;
  #changedAt = 0;
  #connectedAt: number | undefined;
  #roundTrip: number | undefined;
  #figuresTimer: unknown;
  #lookTimer: unknown;

  constructor(options: TabHubOptions) {
    this.#options = options;
    this.#tokens = new TokenRequests(this.#tabs, options.timers);
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
    tab.post({ kind: "welcome", change, isReady: this.#isReady, figures: this.#figures(), lock: this.lock });
    for (const { id: number, topic, since } of topics) {
      this.#subscribe(tab, number, topic, since);
    }
    line.state === "idle" && line.start();
    this.#tellFigures();
  }

  #request(tab: HubTab, request: Exclude<TabRequest, { kind: "hello" }>): void {
    switch (request.kind) {
      case "subscribe":
        this.#subscribe(tab, request.id, request.topic, request.since);
        return;
      case "unsubscribe":
        this.#unsubscribe(tab, request.topic);
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
        this.#tellFigures();
        return;
      case "ping":
        this.#post(tab, { kind: "pong", learned: this.#line?.learned ?? NOTHING_LEARNED });
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
    for (const topic of [...tab.topics]) {
      this.#unsubscribe(tab, topic);
    }
    this.#tokens.forget(tab);
    if (!this.#tabs.size) {
      this.#closeLine();
    }
    this.#tellFigures();
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

  // Topics and calls

  #subscribe(tab: HubTab, id: number, topic: string, since: Position | undefined): void {
    let shared = this.#topics.get(topic);
    if (!shared) {
      shared = new SharedTopic<HubTab>(topic, {
        ask: (from) => this.#line?.subscribe(topic, from),
        tell: (member, ...notices) => this.#post(member.tab, { kind: "topic", id: member.id, notices }),
      });
      this.#topics.set(topic, shared);
    }
    tab.topics.add(topic);
    shared.join(tab, id, since, this.#line?.state === "connected");
  }

  #unsubscribe(tab: HubTab, topic: string): void {
    tab.topics.delete(topic);
    const shared = this.#topics.get(topic);
    shared?.leave(tab);
    if (shared && !shared.isWanted) {
      this.#topics.delete(topic);
      this.#line?.unsubscribe(topic);
    }
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
    line.addListener((notice) => this.#line === line && this.#take(line, notice));
    return line;
  }

  #closeLine(): void {
    const line = this.#line;
    const { timers } = this.#options;
    this.#line = undefined;
    this.#isReady = false;
    this.#connectedAt = this.#roundTrip = undefined;
    timers.clear(this.#figuresTimer);
    timers.clear(this.#lookTimer);
    this.#figuresTimer = undefined;
    line?.close();
  }

  #take(line: SharedLine, notice: Notice): void {
    switch (notice.kind) {
      case "state":
        this.#changed(line, notice);
        return;
      case "event":
        this.#event(notice);
        return;
      case "opened":
        this.#topics.get(notice.topic)?.opened(notice);
        return;
      case "snapshot":
        this.#topics.get(notice.topic)?.snapshot(notice);
        return;
      case "reset":
        this.#topics.get(notice.topic)?.reset(notice.reason);
        return;
      case "failed": {
        const shared = this.#topics.get(notice.topic);
        this.#topics.delete(notice.topic);
        for (const tab of this.#tabs) {
          tab.topics.delete(notice.topic);
        }
        shared?.failed(notice);
        return;
      }
      default:
        this.#postAll({ kind: "notice", notice });
    }
  }

  #changed(line: SharedLine, change: StateChanged): void {
    const connection = ++this.#connections;
    this.#isReady = false;
    this.#changedAt = this.#options.clock();
    this.#postAll({ kind: "state", change });
    if (change.state === "connected") {
      this.#connectedAt = this.#options.wallClock();
      line.whenReady().then(
        () => connection === this.#connections && this.#ready(),
        () => {}, // It is closed for good, which the state tells.
      );
    } else if (this.#connectedAt !== undefined) {
      this.#connectedAt = this.#roundTrip = undefined;
      for (const topic of this.#topics.values()) {
        topic.cut();
      }
    }
    this.#tellFigures();
  }

  #answered(seconds: number): void {
    this.#roundTrip = seconds;
    this.#tellFigures();
  }

  #ready(): void {
    this.#isReady = true;
    this.#postAll({ kind: "ready" });
  }

  /** Tell an event to each tab once, for those of its topics to which it is new. */
  #event(notice: ReceivedEvent): void {
    const told = new Map<HubTab, Member<HubTab>[]>();
    for (const topic of notice.subscriptions) {
      const seq = topic.endsWith(":*") ? notice.feedSeq : notice.seq;
      for (const member of this.#topics.get(topic)?.event(seq ?? Number.NaN) ?? []) {
        told.set(member.tab, [...(told.get(member.tab) ?? []), member]);
      }
    }
    const event = { ...notice, subscriptions: [] };
    for (const [tab, members] of told) {
      this.#post(tab, { kind: "event", ids: members.map(({ id }) => id), event });
    }
  }

  // Figures

  #figures(): LineFigures {
    const line = this.#line;
    return {
      connectedAt: this.#connectedAt,
      roundTrip: this.#roundTrip,
      tabs: this.#tabs.size,
      stats: { ...(line?.stats ?? NO_STATS) },
      positions: [...(line?.positions() ?? [])],
      learned: line?.learned ?? NOTHING_LEARNED,
    };
  }

  /** Tell the figures to those who watch, now and each second from now on. */
  #tellFigures(): void {
    const { timers } = this.#options;
    timers.clear(this.#figuresTimer);
    this.#figuresTimer = undefined;
    const watching = [...this.#tabs].filter(({ isWatching }) => isWatching);
    if (!watching.length) {
      return;
    }
    const figures = this.#figures();
    for (const tab of watching) {
      this.#post(tab, { kind: "figures", figures });
    }
    this.#figuresTimer = timers.set(() => this.#tellFigures(), FIGURES);
  }

  get state(): LineState {
    return this.#line?.state ?? "idle";
  }
}

const NOTHING_LEARNED: Learned = { holds: 0 };

const NO_STATS: LineStats = { connects: 0, gaps: 0, duplicates: 0, reordered: 0, resets: 0, recovered: 0 };
