import { makeHub } from "./make-hub.js";
import type { HubNotice, TabRequest } from "./messages.js";
import type { Port } from "./platform.js";
import { browserPlatform } from "./platform.js";

// The shared worker's own code: a hub, and a port for each tab.

const hub = makeHub(browserPlatform(), (error) => console.error(error));

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
