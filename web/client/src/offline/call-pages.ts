import type { CallOutcome } from "../call-outcome.js";
import { holdLock, type Locks } from "../web-locks.js";

/** What pages that keep their calls in one store tell each other. */
export type CallNews =
  /** A page has taken up calls: who sends tells where they are, and looks for itself if the page is a new one. */
  | { readonly kind: "loaded"; readonly isFirst: boolean }
  /** Another page sends now. What is in the store no more was answered to the one before. */
  | { readonly kind: "turn" }
  /** Another call is in the store. */
  | { readonly kind: "added" }
  | { readonly kind: "state"; readonly key: string; readonly state: "pending" | "sent" }
  | { readonly kind: "ended"; readonly key: string; readonly outcome: CallOutcome };

/** How the pages that share a store take turns: one sends, in the order of the store, and tells the others. */
export interface CallPages {
  /** Ask for the turn; `begin` is called back with it. It is this page's until the returned function is called. */
  takeTurn(begin: () => void): () => void;
  /** Tell the others something; nothing happens while this page does not listen. */
  tell(news: CallNews): void;
  listen(listener: (news: CallNews) => void): () => void;
}

/** Turns by Web Locks, news by BroadcastChannel; undefined where one is missing, as on pages without TLS. */
export function browserPages(name: string): CallPages | undefined {
  const { navigator, BroadcastChannel } = globalThis;
  const locks = navigator?.locks as Locks | undefined;
  if (!locks || !BroadcastChannel) {
    return undefined;
  }
  const channel = `trunkline calls ${name}`;
  let own: BroadcastChannel | undefined;
  return {
    takeTurn: (begin) => holdLock(locks, channel, begin),
    tell: (news) => own?.postMessage(news),
    listen(listener) {
      const opened = new BroadcastChannel(channel);
      own = opened;
      opened.onmessage = ({ data }) => listener(data as CallNews);
      return () => {
        own = undefined;
        opened.close();
      };
    },
  };
}
