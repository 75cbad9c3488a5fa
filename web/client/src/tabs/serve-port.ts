import type { Timers } from "../timers.js";
import type { HubNotice, TabRequest } from "./messages.js";
import { PacedPosts } from "./paced-posts.js";
import type { Port } from "./platform.js";
import type { TabHub } from "./tab-hub.js";

/** The hub's end of a port to a tab. What the hub says arrives in order, as arrays. */
export function servePort(hub: TabHub, port: Port, timers: Timers): void {
  const posts = new PacedPosts<HubNotice>((notices) => port.postMessage(notices), timers);
  const tab = hub.connect(posts.post, () => {
    posts.flush();
    port.close();
  });
  port.onmessage = ({ data }) => tab.receive(data as TabRequest);
}
