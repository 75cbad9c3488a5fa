import type { Listener } from "@trunkline/client";
import type { OfflineCalls } from "@trunkline/client/offline";
import type { TopicKeeper, TopicView } from "@trunkline/client/state";
import { create } from "zustand";
import type { Message } from "../generated/agents";
import type { ConsoleClient } from "../line";
import { BrowserStorage } from "./browser-storage";
import { type Conversation, isBusy } from "./conversation";
import { type Agents, isRunning, NO_AGENTS, NO_THREADS, type Threads } from "./entities";
import { type LineLogEntry, reduceLineLog } from "./line-log";
import { FIRST_STATUS, type LineStatus, reduceLineStatus } from "./line-status";
import { Outbox, type OutgoingMessage } from "./outgoing";
import { Seen, type SeenMessages } from "./seen";
import { ServerClock } from "./server-clock";
import type { SystemHistory } from "./system-history";
import { TopicStates } from "./topic-states";

/** What every view reads. Managers write the entities, each its own. */
export interface AppState {
  readonly agents: TopicView<Agents>;
  readonly threads: TopicView<Threads>;
  /** Whether the server left older ones out of its lists. */
  readonly truncated: { readonly agents: boolean; readonly threads: boolean };
  /** The threads that are open in a view. */
  readonly conversations: ReadonlyMap<number, TopicView<Conversation>>;
  readonly system: TopicView<SystemHistory> | null;
  readonly line: LineStatus;
  /** The newest changes of the line's state, the newest first. */
  readonly lineLog: readonly LineLogEntry[];
  readonly outgoing: readonly OutgoingMessage[];
  readonly seen: SeenMessages;
  /** Agents and threads whose deletion can still be undone; nobody sees them meanwhile. */
  readonly vanishing: { readonly agents: ReadonlySet<number>; readonly threads: ReadonlySet<number> };
  /** What is wrong with this browser, in sentences. */
  readonly troubles: readonly string[];
}

const NOTHING_YET: AppState = {
  agents: { data: NO_AGENTS.byId, status: "loading" },
  threads: { data: NO_THREADS, status: "loading" },
  truncated: { agents: false, threads: false },
  conversations: new Map(),
  system: null,
  line: FIRST_STATUS,
  lineLog: [],
  outgoing: [],
  seen: {},
  vanishing: { agents: new Set(), threads: new Set() },
  troubles: [],
};

/** The store. Components read it with a selector: `useApp((state) => state.agents.data)`. */
export const useApp = create<AppState>(() => NOTHING_YET);

/** What an `App` is made of. */
/** Keeps topics for the next page, and forgets all that it keeps of the user. */
export interface UserKeeper extends TopicKeeper {
  clear(): Promise<void>;
}

export interface AppParts {
  readonly client: ConsoleClient;
  readonly calls: OfflineCalls;
  /** Keeps topics for the next page. */
  readonly keeper?: UserKeeper;
  readonly storage?: BrowserStorage;
  readonly clock?: ServerClock;
}

/** What is made once for the page: the one client, what is kept, and what writes the store besides the managers. */
export class App {
  readonly client: ConsoleClient;
  readonly calls: OfflineCalls;
  readonly keeper: UserKeeper | undefined;
  readonly storage: BrowserStorage;
  readonly clock: ServerClock;
  readonly topics: TopicStates;
  readonly outbox: Outbox;
  readonly seen: Seen;

  constructor({ client, calls, keeper, storage = new BrowserStorage(), clock = new ServerClock() }: AppParts) {
    this.client = client;
    this.calls = calls;
    this.keeper = keeper;
    this.storage = storage;
    this.clock = clock;
    this.topics = new TopicStates(client, keeper);
    this.outbox = new Outbox({
      calls,
      storage,
      changed: (outgoing) => useApp.setState({ outgoing }),
      isBusy: isThreadBusy,
      isLive: () => useApp.getState().threads.status === "live",
    });
    this.seen = new Seen(storage, (seen) => useApp.setState({ seen }));
    useApp.setState({ outgoing: this.outbox.messages, seen: this.seen.messages });
    storage.onFailure = () => this.#tellTroubles();
    calls.subscribe(() => this.#tellTroubles());
    this.#tellTroubles();
    this.#hear(client.line.lastChange);
    client.line.addListener(this.#hear);
    useApp.subscribe(({ threads, conversations }, before) => {
      if (threads !== before.threads || conversations !== before.conversations) {
        this.outbox.release();
      }
    });
  }

  #tellTroubles(): void {
    const { storage } = this.calls;
    const kept = this.storage.failure ?? (storage.kind === "memory" ? storage.reason : undefined);
    const troubles = [this.clock.trouble, kept].filter((trouble) => trouble !== undefined);
    if (troubles.join() !== useApp.getState().troubles.join()) {
      useApp.setState({ troubles });
    }
  }

  readonly #hear: Listener = (notice) => {
    const { line, lineLog } = useApp.getState();
    const now = this.clock.device();
    const status = reduceLineStatus(line, notice, now);
    if (status !== line) {
      useApp.setState({ line: status, lineLog: reduceLineLog(lineLog, notice, now) });
    }
    if (notice.kind === "event" && notice.type === "thread_message_created") {
      const { client_id } = notice.data as Message;
      if (client_id) {
        this.outbox.arrived(client_id);
      }
    }
  };
}

function isThreadBusy(threadId: number): boolean {
  const { threads, conversations } = useApp.getState();
  const open = conversations.get(threadId);
  return isRunning(threads.data.activity.get(threadId)) || (open !== undefined && isBusy(open.data));
}
