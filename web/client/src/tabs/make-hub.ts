import { WsClient } from "../ws-client.js";
import { type TabsPlatform, tabLocks } from "./platform.js";
import { TabHub } from "./tab-hub.js";

/** A hub over a line with a socket of its own. */
export function makeHub(platform: TabsPlatform, onError: (error: unknown) => void): TabHub {
  const { locks, webSocket, timers, clock, wallClock, chance } = platform;
  return new TabHub({
    makeLine: (url, options) => new WsClient(url, { ...options, chance }),
    webSocket,
    timers,
    clock,
    wallClock,
    locks: locks && tabLocks(locks),
    onError,
  });
}
