import type { CallOutcome } from "../call-outcome.js";
import type { SessionOptions } from "../client-session.js";
import type {
  Noticed,
  ReceivedEvent,
  ReceivedReset,
  ReceivedSnapshot,
  StateChanged,
  TopicFailed,
  TopicOpened,
} from "../effects.js";
import type { Learned } from "../keep-alive.js";
import type { LineStats } from "../line-stats.js";
import type { Position } from "../position.js";
import type { Signal } from "../signals.js";

/** Names what tabs and the hub say to each other. Tabs whose code speaks another version share another line. */
export const TABS_PROTOCOL = 2;

/** A topic as a tab wants it: the tab's own number for it, and how far the tab has processed it. */
export interface WantedTopic {
  readonly id: number;
  readonly topic: string;
  readonly since?: Position | undefined;
}

/** How the first tab wants the line to be. */
export interface LineSetup {
  readonly url: string;
  /** Whether tabs can be asked for a token. */
  readonly hasToken: boolean;
  readonly session: SessionOptions;
  readonly openTimeout?: number | undefined;
}

/** What a tab says to the hub, in order. Everything can be cloned. */
export type TabRequest =
  /** First of all; `id` names this stay of the tab, and the Web Lock that it holds as long as it lives. */
  | { readonly kind: "hello"; readonly id: string; readonly setup: LineSetup; readonly topics: readonly WantedTopic[] }
  /** A new number for a topic takes the place of an older one. */
  | ({ readonly kind: "subscribe" } & WantedTopic)
  | { readonly kind: "unsubscribe"; readonly topic: string }
  /** `params` are JSON. */
  | {
      readonly kind: "call";
      readonly id: number;
      readonly method: string;
      readonly params: string;
      readonly key?: string | undefined;
    }
  | { readonly kind: "signal"; readonly signal: Signal }
  | { readonly kind: "authenticate"; readonly token: string }
  | { readonly kind: "token"; readonly id: number; readonly token?: string; readonly error?: string }
  | { readonly kind: "start" }
  | { readonly kind: "watch"; readonly isOn: boolean }
  /** Is the hub there? It is answered with `pong`. */
  | { readonly kind: "ping" }
  /** So many messages of the hub were processed. */
  | { readonly kind: "ack"; readonly count: number }
  | { readonly kind: "bye" };

/** What the shared line is doing, for those who show it. Times in seconds, `connectedAt` in milliseconds since 1970. */
export interface LineFigures {
  readonly connectedAt: number | undefined;
  /** How long the last ping took to be answered, once one was. */
  readonly roundTrip: number | undefined;
  /** Tabs that share the line. */
  readonly tabs: number;
  readonly stats: Readonly<LineStats>;
  /** What was processed of each topic that any tab wants. */
  readonly positions: readonly (readonly [string, Position])[];
  readonly learned: Learned;
}

/** What comes for one topic of one tab. */
export type TopicNotice = TopicOpened | ReceivedSnapshot | ReceivedReset | TopicFailed;

/** What the hub says to a tab, in order. */
export type HubNotice =
  /** Answer to `hello`. */
  | {
      readonly kind: "welcome";
      readonly change: StateChanged;
      readonly isReady: boolean;
      readonly figures: LineFigures;
      /** The Web Lock that the hub holds as long as it lives, if it holds one. */
      readonly lock: string | undefined;
    }
  | { readonly kind: "state"; readonly change: StateChanged }
  /** Requests can be sent. */
  | { readonly kind: "ready" }
  /** What belongs together comes together: the opening and its snapshot, or neither. */
  | { readonly kind: "topic"; readonly id: number; readonly notices: readonly TopicNotice[] }
  /** An event, for the tab's topics of these numbers. */
  | { readonly kind: "event"; readonly ids: readonly number[]; readonly event: ReceivedEvent }
  | { readonly kind: "notice"; readonly notice: Noticed }
  | { readonly kind: "called"; readonly id: number; readonly outcome: CallOutcome }
  | { readonly kind: "ask-token"; readonly id: number }
  | { readonly kind: "figures"; readonly figures: LineFigures }
  | { readonly kind: "pong"; readonly learned: Learned }
  /** The hub has let this tab go, because it did not answer or keep up: it must say `hello` again. */
  | { readonly kind: "dropped"; readonly reason: string };
