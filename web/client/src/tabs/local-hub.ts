import type { HubTab } from "./hub-tab.js";
import type { Share, ShareEvents } from "./share.js";
import type { TabHub } from "./tab-hub.js";

/** Join a hub of the same page. What each says arrives later, in order, as it would through a port. */
export function joinLocalHub(hub: TabHub, events: ShareEvents): { readonly tab: HubTab; leave(): void } {
  let isHere = true;
  const later = (act: () => void) => queueMicrotask(() => isHere && act());
  const tab = hub.connect((notice) => later(() => events.received(notice)));
  events.joined({ post: (request) => later(() => tab.receive(request)) });
  return {
    tab,
    leave() {
      isHere = false;
      tab.receive({ kind: "bye" });
    },
  };
}

/** A line of this tab alone: the browser has nothing to share it by. */
export class AloneShare implements Share {
  readonly kind = "alone";
  readonly #makeHub: () => TabHub;
  #leave: () => void = () => {};

  constructor(makeHub: () => TabHub) {
    this.#makeHub = makeHub;
  }

  open(_id: string, events: ShareEvents): void {
    this.#leave = joinLocalHub(this.#makeHub(), events).leave;
  }

  retry(): "wait" {
    return "wait";
  }

  close(): void {
    this.#leave();
    this.#leave = () => {};
  }
}
