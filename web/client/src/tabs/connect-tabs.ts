import { ClientLine, lineAddress } from "../client-line.js";
import { randomId } from "../random-id.js";
import type { Signals } from "../signals.js";
import { SilenceMemory } from "../silences/silence-memory.js";
import { holdLock } from "../web-locks.js";
import type { WsClientOptions } from "../ws-client.js";
import { LeaderShare } from "./leader-share.js";
import { AloneShare } from "./local-hub.js";
import { makeHub } from "./make-hub.js";
import { TABS_PROTOCOL } from "./messages.js";
import { browserPlatform, type TabsPlatform, tabLocks } from "./platform.js";
import type { Share } from "./share.js";
import { TabLine } from "./tab-line.js";
import { tabSignals } from "./tab-signals.js";
import { WorkerShare } from "./worker-share.js";

/** How a tab's line behaves. The times are those of the first tab. */
export interface TabsOptions
  extends Pick<
    WsClientOptions,
    "token" | "session" | "openTimeout" | "onConnect" | "onMessage" | "onDisconnect" | "onError"
  > {
  /** Tabs of one share have one line. Give what tells users apart, such as their id, so that two never share. */
  readonly share?: string;
  /** Remembers for how long silent lines hold in each network; in `localStorage` unless given. */
  readonly silences?: SilenceMemory;
  /** What of the browser is used; all that is there unless given. */
  readonly platform?: Partial<TabsPlatform>;
  readonly signals?: Signals;
}

/**
 * Join the one line that all tabs of this origin share, and begin to connect.
 *
 * ```ts
 * const { line, topics } = connectTabs("/", { share: user.id });
 * ```
 *
 * @param url as for `connect`.
 */
export function connectTabs(url: string | URL, options: TabsOptions = {}): ClientLine<TabLine> {
  const { onError = console.error, silences = new SilenceMemory(), session, openTimeout, token } = options;
  const platform = { ...browserPlatform(), ...options.platform };
  const address = lineAddress(url);
  const { locks, timers } = platform;
  const learned = silences.recall();
  const line = new TabLine({
    setup: {
      url: address,
      hasToken: token !== undefined,
      session: { ...(learned && { learned }), ...session },
      openTimeout,
    },
    shares: waysToShare(`trunkline ${TABS_PROTOCOL} ${options.share ?? ""} ${address}`, platform, onError),
    holdLock: locks ? (name, held) => holdLock(locks, name, held) : holdNothing,
    makeId: randomId,
    signals: options.signals ?? tabSignals,
    timers,
    fetchToken: async () => (typeof token === "function" ? token() : (token ?? "")),
    onLearned: (learned) => silences.remember(learned),
    onError,
  });
  callBack(line, options);
  const client = new ClientLine(line, onError);
  line.start();
  return client;
}

function waysToShare(
  name: string,
  platform: TabsPlatform,
  onError: (error: unknown) => void,
): readonly [Share, ...Share[]] {
  const { makeWorker, makeChannel, locks, timers, chance } = platform;
  const hub = () => makeHub(platform, onError);
  const shares: Share[] = [];
  if (makeWorker) {
    shares.push(new WorkerShare(() => makeWorker(name), locks && tabLocks(locks)));
  }
  if (makeChannel && locks) {
    shares.push(new LeaderShare({ name, locks, makeChannel, makeHub: hub, makeId: randomId, timers, chance }));
  }
  return [...shares, new AloneShare(hub)] as unknown as readonly [Share, ...Share[]];
}

/** Where there are no Web Locks, tabs must be heard by the hub instead. */
function holdNothing(_name: string, held: () => void): () => void {
  queueMicrotask(held);
  return () => {};
}

function callBack(line: TabLine, { onConnect, onMessage, onDisconnect }: TabsOptions): void {
  line.addListener((notice) => {
    if (notice.kind !== "state") {
      onMessage?.(notice);
    } else if (notice.state === "connected") {
      onConnect?.();
    } else if (notice.state !== "connecting") {
      onDisconnect?.(notice);
    }
  });
}
