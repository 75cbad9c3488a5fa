import type { Timers } from "../timers.js";
import type { Locks } from "../web-locks.js";
import type { HubTab } from "./hub-tab.js";
import { joinLocalHub } from "./local-hub.js";
import type { HubNotice, TabRequest } from "./messages.js";
import type { Channel } from "./platform.js";
import type { Share, ShareEvents } from "./share.js";
import type { TabHub } from "./tab-hub.js";

/** What tabs say on the channel that all of them hear. */
type ChannelMessage =
  /** Who leads? */
  | { readonly kind: "who" }
  | { readonly kind: "leader"; readonly id: string }
  /** This leader leads no more. */
  | { readonly kind: "gone"; readonly id: string }
  | { readonly kind: "request"; readonly leader: string; readonly from: string; readonly request: TabRequest }
  | { readonly kind: "notice"; readonly leader: string; readonly to: string; readonly notice: HubNotice };

export interface LeaderShareOptions {
  readonly name: string;
  readonly locks: Locks;
  readonly makeChannel: (name: string) => Channel;
  readonly makeHub: () => TabHub;
  readonly makeId: () => string;
  readonly timers: Timers;
  readonly chance: () => number;
}

/** Seconds for a leader to say that it is there, before another takes its place. */
const PATIENCE = 2;

/**
 * One tab owns the line, the one that holds a Web Lock; a BroadcastChannel carries the rest.
 *
 * Each tab waits for the lock. Whoever gets it leads under an id of its own, and what is said to or by another leader is
 * not heard any more. A leader that holds the lock and answers nobody has its lock stolen.
 */
export class LeaderShare implements Share {
  readonly #options: LeaderShareOptions;
  #channel: Channel | undefined;
  #events: ShareEvents | undefined;
  #id = "";
  /** The leader that this tab follows. */
  #leader: string | undefined;
  #led: Led | undefined;
  #stopWaiting: () => void = () => {};
  #stealing: unknown;

  constructor(options: LeaderShareOptions) {
    this.#options = options;
  }

  get kind(): "leader" | "follower" {
    return this.#led ? "leader" : "follower";
  }

  open(id: string, events: ShareEvents): void {
    this.#id = id;
    this.#events = events;
    const { makeChannel, name } = this.#options;
    this.#channel = makeChannel(name);
    this.#channel.onmessage = ({ data }) => this.#hear(data as ChannelMessage);
    this.#say({ kind: "who" });
    this.#waitForLock(false);
  }

  retry(): "wait" {
    const { timers, chance } = this.#options;
    if (this.#led) {
      return "wait";
    }
    this.#lose("The tab that held the line does not answer");
    this.#say({ kind: "who" });
    timers.clear(this.#stealing);
    // Several tabs notice at the same time: the first to lead says so, and the others follow it.
    this.#stealing = timers.set(() => this.#waitForLock(true), PATIENCE * (1 + chance()));
    return "wait";
  }

  close(): void {
    this.#options.timers.clear(this.#stealing);
    this.#stopWaiting();
    this.#stepDown("The tab that held the line was closed");
    this.#leader = undefined;
    this.#channel?.close();
    this.#channel = undefined;
  }

  #waitForLock(steal: boolean): void {
    this.#stopWaiting();
    const { locks, name } = this.#options;
    const ended = new AbortController();
    let release = () => {};
    this.#stopWaiting = () => {
      ended.abort();
      release();
    };
    const hold = () => {
      if (ended.signal.aborted) {
        return undefined;
      }
      this.#lead();
      return new Promise<void>((resolve) => {
        release = resolve;
      });
    };
    // A lock cannot be both stolen and waited for.
    locks.request(name, steal ? { steal } : { signal: ended.signal }, hold).catch(() => {
      if (!ended.signal.aborted) {
        this.#stolen();
      }
    });
  }

  /** Another tab took this one for dead, as a page that was frozen for a while. */
  #stolen(): void {
    this.#stepDown("Another tab holds the line now");
    this.#say({ kind: "who" });
    this.#waitForLock(false);
  }

  // Leading

  #lead(): void {
    const events = this.#events;
    this.#options.timers.clear(this.#stealing);
    this.#lose("This tab holds the line now");
    if (!events) {
      return;
    }
    const id = this.#options.makeId();
    const hub = this.#options.makeHub();
    this.#led = { id, hub, tabs: new Map(), leave: () => {} };
    this.#led.leave = joinLocalHub(hub, events).leave;
    this.#say({ kind: "leader", id });
  }

  #stepDown(reason: string): void {
    const led = this.#led;
    if (!led) {
      return;
    }
    this.#led = undefined;
    led.leave();
    led.hub.close(reason);
    this.#say({ kind: "gone", id: led.id });
    this.#events?.lost(reason);
  }

  #take(led: Led, from: string, request: TabRequest): void {
    let tab = led.tabs.get(from);
    if (!tab) {
      tab = led.hub.connect(
        (notice) => this.#led === led && this.#say({ kind: "notice", leader: led.id, to: from, notice }),
        () => led.tabs.delete(from),
      );
      led.tabs.set(from, tab);
    }
    tab.receive(request);
  }

  // Following

  #follow(leader: string): void {
    if (this.#led || this.#leader === leader) {
      return;
    }
    this.#options.timers.clear(this.#stealing);
    this.#lose("Another tab holds the line now");
    this.#leader = leader;
    const from = this.#id;
    this.#events?.joined({ post: (request) => this.#say({ kind: "request", leader, from, request }) });
  }

  #lose(reason: string): void {
    if (this.#leader !== undefined) {
      this.#leader = undefined;
      this.#events?.lost(reason);
    }
  }

  // The channel

  #say(message: ChannelMessage): void {
    this.#channel?.postMessage(message);
  }

  #hear(message: ChannelMessage): void {
    const led = this.#led;
    switch (message.kind) {
      case "who":
        led && this.#say({ kind: "leader", id: led.id });
        break;
      case "leader":
        this.#follow(message.id);
        break;
      case "gone":
        if (message.id === this.#leader) {
          this.#lose("The tab that held the line was closed");
          this.#say({ kind: "who" });
        }
        break;
      case "request":
        led?.id === message.leader && this.#take(led, message.from, message.request);
        break;
      case "notice":
        if (message.to === this.#id && message.leader === this.#leader) {
          this.#events?.received(message.notice);
        }
    }
  }
}

/** What a leader holds. */
interface Led {
  readonly id: string;
  readonly hub: TabHub;
  readonly tabs: Map<string, HubTab>;
  leave: () => void;
}
