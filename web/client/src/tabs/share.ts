import type { HubNotice, TabRequest } from "./messages.js";

/**
 * How a tab has the line: in a SharedWorker, in this tab for all others, in another tab, or for itself because the
 * browser has nothing to share it by.
 */
export type ShareKind = "worker" | "leader" | "follower" | "alone";

/** The tab's way to the hub. */
export interface HubPort {
  post(request: TabRequest): void;
}

/** What a share tells. */
export interface ShareEvents {
  /** A hub is there, and this is the way to it; `hello` is expected. Ways of before lead nowhere. */
  joined(port: HubPort): void;
  received(notice: HubNotice): void;
  /** The hub is gone; `joined` follows when there is another. */
  lost(reason: string): void;
  /** The hub is gone, and there is another once it is joined again. */
  died(reason: string): void;
  /** It cannot be shared in this way. */
  failed(reason: string): void;
}

/** One way to share a line between the tabs of an origin. */
export interface Share {
  readonly kind: ShareKind;
  /** Join under an id, which names the Web Lock that this tab holds from now on; `joined` follows. */
  open(id: string, events: ShareEvents): void;
  /** The hub does not answer. What to do: join `again`, take the `next` way, or `wait` for what the share does itself. */
  retry(): "again" | "next" | "wait";
  /** Leave, and hear no more. */
  close(): void;
}
