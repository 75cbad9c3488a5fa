import { randomId } from "../random-id.js";
import { holdLock } from "../web-locks.js";
import { makeHub } from "./make-hub.js";
import type { HubNotice, TabRequest } from "./messages.js";
import { browserPlatform, type Port } from "./platform.js";

// The shared worker's own code: a hub, and a port for each tab.

const platform = browserPlatform();
const hub = makeHub(platform, (error) => console.error(error));

if (platform.locks) {
  const lock = randomId();
  holdLock(platform.locks, lock, () => {
    hub.lock = lock;
  });
}

function serve(port: Port): void {
  const tab = hub.connect(
    (notice: HubNotice) => port.postMessage(notice),
    () => port.close(),
  );
  port.onmessage = ({ data }) => tab.receive(data as TabRequest);
}

globalThis.addEventListener("connect", (event) => {
  for (const port of (event as MessageEvent).ports) {
    serve(port);
  }
});
