import { randomId } from "../random-id.js";
import { holdLock } from "../web-locks.js";
import { makeHub } from "./make-hub.js";
import { browserPlatform } from "./platform.js";
import { servePort } from "./serve-port.js";

// The shared worker's own code: a hub, and a port for each tab.

const platform = browserPlatform();
const hub = makeHub(platform, (error) => console.error(error));

if (platform.locks) {
  const lock = randomId();
  holdLock(platform.locks, lock, () => {
    hub.lock = lock;
  });
}

globalThis.addEventListener("connect", (event) => {
  for (const port of (event as MessageEvent).ports) {
    servePort(hub, port, platform.timers);
  }
});
