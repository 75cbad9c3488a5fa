import { expect } from "vitest";
import type { Notice, StateChanged, TopicOpened } from "../../src/effects.js";
import type { Position } from "../../src/position.js";
import type { Socket } from "../../src/socket.js";
import type { HubTab } from "../../src/tabs/hub-tab.js";
import type { HubNotice, TabRequest } from "../../src/tabs/messages.js";
import type { Share, ShareEvents } from "../../src/tabs/share.js";
import { TabHub } from "../../src/tabs/tab-hub.js";
import { TabLine } from "../../src/tabs/tab-line.js";
import type { Timers } from "../../src/timers.js";
import { WsClient } from "../../src/ws-client.js";
import { LEGAL_STATES } from "./legal-states.js";
import { ManualWorld, settle } from "./manual-world.js";
import { Reader } from "./model-client.js";
import type { ModelServer } from "./model-server.js";

/** What a tab holds of a topic. It is given a new beginning where it needs one, and never for another tab's sake. */
class TabReader extends Reader {
  wantsSnapshot = false;
  /** It was told that the topic is open since the line was made. */
  isOpen = false;

  override opened(notice: TopicOpened): void {
    this.isOpen = true;
    super.opened(notice);
  }

  override snapshot(position: Position, state: number): void {
    expect(!this.cursor || this.isBroken || this.wantsSnapshot, "a snapshot that another tab asked for").toBe(true);
    this.wantsSnapshot = false;
    super.snapshot(position, state);
  }
}

/** Ways of a tab and its hub to each other, which carry what was said when the test says so. */
class Ways implements Share {
  readonly kind = "follower";
  readonly toHub: TabRequest[] = [];
  readonly toTab: HubNotice[] = [];
  events: ShareEvents | undefined;
  hubTab: HubTab | undefined;
  id = "";

  constructor(readonly join: (ways: Ways) => void) {}

  open(id: string, events: ShareEvents): void {
    this.id = id;
    this.events = events;
    this.join(this);
  }

  /** There is a hub, or another one. */
  joined(hub: TabHub): void {
    this.lose();
    this.hubTab = hub.connect((notice) => this.toTab.push(structuredClone(notice)));
    this.events?.joined({ post: (request) => this.toHub.push(structuredClone(request)) });
  }

  lose(): void {
    this.toHub.length = this.toTab.length = 0;
    this.hubTab = undefined;
  }

  hubReads(count: number): void {
    for (const request of this.toHub.splice(0, count)) {
      this.hubTab?.receive(request);
    }
  }

  tabReads(count: number): void {
    for (const notice of this.toTab.splice(0, count)) {
      this.events?.received(notice);
    }
  }

  retry(): "wait" {
    return "wait";
  }

  close(): void {
    this.hubReads(Number.POSITIVE_INFINITY);
    this.lose();
  }
}

/** A tab, with a reader for each of its topics that checks all that it is handed. */
export class ModelTab {
  readonly readers = new Map<string, TabReader>();
  readonly line: TabLine;
  #state: StateChanged["state"] = "idle";

  constructor(
    readonly world: TabWorld,
    readonly ways: Ways,
  ) {
    const { timers, errors } = world.surroundings;
    this.line = new TabLine({
      shares: [ways],
      setup: { url: "ws://here/", hasToken: false, session: { keepAlive: { start: 1e6, cap: 1e6 } } },
      holdLock: (_, held) => {
        queueMicrotask(held);
        return () => {};
      },
      makeId: () => world.newId(),
      signals: () => () => {},
      timers,
      fetchToken: async () => "",
      onLearned: () => {},
      onError: (error) => errors.push(error),
    });
    this.line.addListener((notice) => this.#take(notice));
    this.line.start();
  }

  subscribe(name: string, since?: Position): void {
    if (!this.readers.has(name)) {
      this.readers.set(name, new TabReader(this.world.server.snapshots.has(name), since));
      this.line.subscribe(name, since);
    }
  }

  unsubscribe(name: string): void {
    if (this.readers.delete(name)) {
      this.line.unsubscribe(name);
    }
  }

  refresh(name: string): void {
    const reader = this.readers.get(name);
    if (reader && this.line.refresh(name)) {
      reader.wantsSnapshot = true;
    }
  }

  #take(notice: Notice): void {
    switch (notice.kind) {
      case "state":
        expect(LEGAL_STATES[this.#state], `after ${this.#state}`).toContain(notice.state);
        this.#state = notice.state;
        if (notice.state !== "connected") {
          for (const reader of this.readers.values()) {
            reader.isOpen = false;
          }
        }
        break;
      case "opened":
        this.#reader(notice.topic).opened(notice);
        break;
      case "snapshot":
        this.#reader(notice.topic).snapshot(notice.position, notice.data as number);
        break;
      case "reset":
        this.#reader(notice.topic).isBroken = true;
        break;
      case "event":
        for (const name of notice.subscriptions) {
          this.#reader(name).event(this.world.server.published.get(notice.id)?.positions.get(name));
        }
        break;
      case "failed":
        throw new Error(`This should not happen: ${JSON.stringify(notice)}`);
    }
  }

  #reader(name: string): TabReader {
    const reader = this.readers.get(name);
    expect(reader, `this tab did not subscribe to ${name}`).toBeDefined();
    return reader as TabReader;
  }
}

/** Tabs, the hub that they share a line by, and a server: what is said in between waits until the test carries it. */
export class TabWorld {
  readonly surroundings = new ManualWorld();
  readonly tabs: ModelTab[] = [];
  readonly toServer: string[] = [];
  readonly #freed = new Map<string, () => void>();
  #dead: string[] = [];
  #ids = 0;
  #lives = 0;
  #hub: TabHub;
  #socket: Socket | undefined;
  #isOpen = false;

  constructor(readonly server: ModelServer) {
    this.#hub = this.#makeHub();
  }

  newId(): string {
    this.#ids += 1;
    return `id ${this.#ids}`;
  }

  get isConnected(): boolean {
    return this.#isOpen;
  }

  /** A hub and all that belongs to it; nothing of it lives on once there is another. */
  #makeHub(): TabHub {
    const world = this;
    const life = ++this.#lives;
    class ModelSocket implements Socket {
      readonly bufferedAmount = 0;
      onopen: Socket["onopen"] = null;
      onmessage: Socket["onmessage"] = null;
      onclose: Socket["onclose"] = null;
      onerror: Socket["onerror"] = null;

      constructor() {
        if (life === world.#lives) {
          world.#cutServer();
          world.#socket = this;
        }
      }

      send(text: string): void {
        world.#socket === this && world.toServer.push(text);
      }

      close(): void {
        world.#socket === this && world.#cutServer();
      }
    }
    const { timers: all, errors } = this.surroundings;
    const timers: Timers = {
      set: (callBack, seconds) => all.set(() => life === this.#lives && callBack(), seconds),
      clear: (timer) => all.clear(timer),
    };
    return new TabHub({
      makeLine: (url, options) => new WsClient(url, { ...options, chance: () => 0.5 }),
      webSocket: ModelSocket,
      timers,
      clock: () => this.surroundings.now,
      wallClock: () => 0,
      locks: {
        whenFree: (id, callBack) => {
          this.#freed.set(id, callBack);
          return () => this.#freed.delete(id);
        },
      },
      onError: (error) => errors.push(error),
    });
  }

  #cutServer(): void {
    this.#socket = undefined;
    this.#isOpen = false;
    this.toServer.length = 0;
    this.server.cut();
  }

  // What happens

  openTab(): ModelTab {
    const tab = new ModelTab(this, new Ways((ways) => ways.joined(this.#hub)));
    this.tabs.push(tab);
    return tab;
  }

  /** A tab dies without a word; `noticeDeaths` tells the hub. */
  killTab(index: number): void {
    const [tab] = this.tabs.splice(index, 1);
    if (tab) {
      this.#dead.push(tab.ways.id);
      tab.ways.events = undefined;
      tab.ways.lose();
    }
  }

  noticeDeaths(): void {
    for (const id of this.#dead.splice(0)) {
      this.#freed.get(id)?.();
    }
  }

  closeTab(index: number): void {
    const [tab] = this.tabs.splice(index, 1);
    tab?.readers.clear();
    tab?.line.close();
  }

  /** The hub is gone with its line and with all that was on its way, and another takes its place. */
  async handOver(): Promise<void> {
    this.#cutServer();
    this.#hub = this.#makeHub();
    for (const { ways } of this.tabs) {
      ways.lose();
      ways.events?.lost("The tab that held the line is gone");
      ways.joined(this.#hub);
    }
    await settle();
  }

  /** Wait as long as the line wants to, then connect. */
  async connect(): Promise<void> {
    await settle();
    for (let seconds = 0; !this.#socket && seconds < 30; seconds++) {
      await this.surroundings.advance(1);
    }
    if (this.#socket && !this.#isOpen) {
      this.#isOpen = true;
      this.#socket.onopen?.({});
      await settle();
    }
  }

  cut(): void {
    const socket = this.#socket;
    this.#cutServer();
    socket?.onclose?.({ code: 1006, reason: "" });
  }

  lineReads(frames: number): void {
    for (const data of this.server.toClient.splice(0, frames)) {
      this.#socket?.onmessage?.({ data });
    }
  }

  serverReads(): void {
    for (const text of this.toServer.splice(0, 1)) {
      this.server.receive(text);
    }
  }
}
