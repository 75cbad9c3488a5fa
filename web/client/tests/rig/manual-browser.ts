import type { ClientLine } from "../../src/client-line.js";
import type { Signal } from "../../src/signals.js";
import { SilenceMemory } from "../../src/silences/silence-memory.js";
import { connectTabs, type TabsOptions } from "../../src/tabs/connect-tabs.js";
import { makeHub } from "../../src/tabs/make-hub.js";
import type { Channel, Port, TabsPlatform, Worker } from "../../src/tabs/platform.js";
import { servePort } from "../../src/tabs/serve-port.js";
import type { TabHub } from "../../src/tabs/tab-hub.js";
import type { TabLine } from "../../src/tabs/tab-line.js";
import type { Timers } from "../../src/timers.js";
import { holdLock, type Locks } from "../../src/web-locks.js";
import { ManualWorld, settle } from "./manual-world.js";

interface Waiting {
  readonly tab: ManualTab;
  readonly hold: () => unknown;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** What a browser gives to the tabs of one origin. What one tab says to another arrives in its turn. */
export class ManualBrowser {
  readonly world = new ManualWorld();
  /** Workers that were made. */
  made = 0;
  readonly tabs: ManualTab[] = [];
  readonly channels = new Map<string, Set<ManualChannel>>();
  readonly workers = new Map<string, ManualWorker>();
  readonly #held = new Map<string, Waiting>();
  readonly #queues = new Map<string, Waiting[]>();

  constructor(readonly has: { readonly worker?: "working" | "broken" | "mute"; readonly locks?: boolean } = {}) {}

  /** Open a tab; it has connected if the line was there or its socket opens at once. */
  async open(options: TabsOptions = {}): Promise<ManualTab> {
    const tab = new ManualTab(this, options);
    this.tabs.push(tab);
    await settle();
    return tab;
  }

  /** What a worker is made of, or a tab. */
  parts(tab: ManualTab | undefined): TabsPlatform {
    const { timers, clock, webSocket, chance } = this.world.options() as Required<ReturnType<ManualWorld["options"]>>;
    const { worker, locks } = this.has;
    return {
      makeWorker: worker && tab ? (name) => this.#worker(name, tab) : undefined,
      makeChannel: locks && tab ? (name) => new ManualChannel(this, tab, name) : undefined,
      locks: locks ? this.#locks(tab ?? WORKER) : undefined,
      webSocket: webSocket && aliveOnly(webSocket, tab),
      timers: tab ? tab.timers(timers) : timers,
      clock,
      wallClock: () => this.world.now * 1000,
      chance,
    };
  }

  #worker(name: string, tab: ManualTab): Worker {
    let worker = this.workers.get(name);
    if (!worker) {
      worker = new ManualWorker(this);
      this.workers.set(name, worker);
    }
    return worker.connect(tab);
  }

  /** The workers are gone without a word, and their sockets with them. */
  killWorkers(): void {
    for (const worker of this.workers.values()) {
      worker.die();
    }
    this.workers.clear();
  }

  // Web Locks

  #locks(tab: ManualTab): Locks {
    return {
      request: (name, { signal, steal }, hold) =>
        new Promise((resolve, reject) => {
          const waiting = { tab, hold, resolve, reject };
          const queue = this.#queues.get(name) ?? [];
          this.#queues.set(name, steal ? [waiting, ...queue] : [...queue, waiting]);
          if (steal) {
            this.#held.get(name)?.reject(new Error("AbortError: stolen"));
            this.#held.delete(name);
          }
          signal?.addEventListener("abort", () => this.#abandon(name, waiting));
          queueMicrotask(() => this.#grant(name));
        }),
    };
  }

  #abandon(name: string, waiting: Waiting): void {
    const queue = this.#queues.get(name) ?? [];
    if (queue.includes(waiting)) {
      this.#queues.set(
        name,
        queue.filter((other) => other !== waiting),
      );
      waiting.reject(new Error("AbortError"));
    }
  }

  async #grant(name: string): Promise<void> {
    const [next, ...queue] = this.#queues.get(name) ?? [];
    if (!next || this.#held.has(name)) {
      return;
    }
    this.#queues.set(name, queue);
    this.#held.set(name, next);
    const result = await next.hold();
    next.resolve(result);
    this.#release(name, next);
  }

  #release(name: string, holder: Waiting): void {
    if (this.#held.get(name) === holder) {
      this.#held.delete(name);
      this.#grant(name);
    }
  }

  /** A tab is gone: its locks are free. */
  freeLocksOf(tab: ManualTab): void {
    for (const [name, queue] of this.#queues) {
      this.#queues.set(
        name,
        queue.filter((waiting) => waiting.tab !== tab),
      );
    }
    for (const [name, holder] of this.#held) {
      holder.tab === tab && this.#release(name, holder);
    }
  }
}

/** A page with a line. */
export class ManualTab {
  isAlive = true;
  /** What is to happen once its code runs again; undefined while it runs. */
  #frozen: (() => void)[] | undefined;
  readonly client: ClientLine<TabLine>;
  readonly events: unknown[] = [];
  readonly states: string[] = [];
  #signal: (signal: Signal) => void = () => {};

  constructor(
    readonly browser: ManualBrowser,
    options: TabsOptions,
  ) {
    this.client = connectTabs("ws://here/", {
      platform: browser.parts(this),
      silences: new SilenceMemory({ storage: undefined }),
      onError: (error) => browser.world.errors.push(error),
      signals: (listener) => {
        this.#signal = listener;
        return () => {};
      },
      ...options,
    });
    this.line.addListener((notice) => notice.kind === "state" && this.states.push(notice.state));
  }

  get line(): TabLine {
    return this.client.line;
  }

  /** Run its code: now, later if it is frozen, or never if it is dead. */
  run(act: () => void): void {
    if (this.#frozen) {
      this.#frozen.push(act);
    } else if (this.isAlive) {
      act();
    }
  }

  freeze(): void {
    this.#frozen = [];
  }

  async thaw(): Promise<void> {
    const waiting = this.#frozen ?? [];
    this.#frozen = undefined;
    for (const act of waiting) {
      act();
    }
    await settle();
  }

  /** Collect what comes for a topic. */
  follow(topic: string): void {
    this.client.topics.subscribe(topic, (update) =>
      this.events.push(update.kind === "event" ? update.seq : update.kind),
    );
  }

  signal(signal: Signal): void {
    this.#signal(signal);
  }

  timers(all: ManualWorld["timers"]): ManualWorld["timers"] {
    return { set: (act, seconds) => all.set(() => this.run(act), seconds), clear: (timer) => all.clear(timer) };
  }

  /** It is gone without a word. */
  async crash(): Promise<void> {
    this.isAlive = false;
    this.browser.freeLocksOf(this);
    await settle();
  }
}

/** Stands for the worker where a lock has to have an owner. */
const WORKER = { run: (act: () => void) => act() } as ManualTab;

class ManualPort implements Port {
  onmessage: Port["onmessage"] = null;
  other: ManualPort | undefined;

  constructor(readonly owner: Pick<ManualTab, "run">) {}

  postMessage(message: unknown): void {
    const data = structuredClone(message);
    const { other } = this;
    queueMicrotask(() => other?.owner.run(() => other.onmessage?.({ data })));
  }

  close(): void {
    this.other = undefined;
  }
}

/** Timers of what is paced: here a turn of the loop is long enough. */
const SOON: Timers = {
  set(act) {
    const waiting = { act };
    queueMicrotask(() => waiting.act());
    return waiting;
  },
  clear(timer) {
    if (timer) {
      (timer as { act: () => void }).act = () => {};
    }
  },
};

/** The worker's end of a port; a worker that is gone neither hears nor says anything. */
class WorkerPort extends ManualPort {
  constructor(readonly worker: ManualWorker) {
    super({ run: (act) => worker.isAlive && act() });
  }

  override postMessage(message: unknown): void {
    this.worker.isAlive && super.postMessage(message);
  }
}

class ManualWorker {
  isAlive = true;
  readonly #hub: TabHub;
  #release: () => void = () => {};

  constructor(readonly browser: ManualBrowser) {
    const parts = browser.parts(undefined);
    this.#hub = makeHub(parts, (error) => browser.world.errors.push(error));
    if (parts.locks) {
      const lock = `worker ${++browser.made}`;
      this.#release = holdLock(parts.locks, lock, () => {
        this.#hub.lock = lock;
      });
    }
  }

  /** It is gone without a word. */
  die(): void {
    this.isAlive = false;
    this.#release();
  }

  connect(tab: ManualTab): Worker {
    const far = new WorkerPort(this);
    const near = new ManualPort(tab);
    [near.other, far.other] = [far, near];
    const worker: Worker = { port: near, onerror: null };
    const { worker: kind } = this.browser.has;
    if (kind === "broken") {
      queueMicrotask(() => worker.onerror?.(new Event("error")));
    } else if (kind === "working") {
      servePort(this.#hub, far, SOON);
    }
    return worker;
  }
}

class ManualChannel implements Channel {
  onmessage: Channel["onmessage"] = null;
  readonly #others: Set<ManualChannel>;

  constructor(
    browser: ManualBrowser,
    readonly tab: ManualTab,
    name: string,
  ) {
    this.#others = browser.channels.get(name) ?? new Set();
    this.#others.add(this);
    browser.channels.set(name, this.#others);
  }

  postMessage(message: unknown): void {
    const data = structuredClone(message);
    for (const other of this.#others) {
      other !== this &&
        queueMicrotask(() => other.tab.run(() => this.#others.has(other) && other.onmessage?.({ data })));
    }
  }

  close(): void {
    this.#others.delete(this);
  }
}

type SocketClass = NonNullable<TabsPlatform["webSocket"]>;

/** Sockets of a tab that is gone are gone. */
function aliveOnly(webSocket: SocketClass, tab: ManualTab | undefined): SocketClass {
  return tab
    ? class extends webSocket {
        override send(text: string): void {
          tab.isAlive && super.send(text);
        }
      }
    : webSocket;
}
