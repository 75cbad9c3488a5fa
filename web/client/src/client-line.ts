import type { Line } from "./line.js";
import { TopicManager } from "./topic-manager.js";
import { WsClient, type WsClientOptions } from "./ws-client.js";

const DEFAULT_PATH = "/api/ws/v2";

/**
 * A line with the handlers over it: what an application holds, and what the hooks take.
 *
 * @typeParam L `WsClient`, or another line.
 */
export class ClientLine<L extends Line = Line> {
  /** Handlers by topic. */
  readonly topics: TopicManager;

  /** @param onError told what handlers throw; the console unless given. */
  constructor(
    /** States, calls and callbacks. */
    readonly line: L,
    onError?: (error: unknown) => void,
  ) {
    this.topics = new TopicManager(line, onError);
  }
}

/**
 * Make a line to a server and begin to connect.
 *
 * ```ts
 * const { line, topics } = connect("/");
 * topics.subscribe<{ price_changed: Price }>("price:EUR", (update) => …);
 * ```
 *
 * @param url `ws:`, `wss:`, `http:` or `https:`, or relative to the page; without a path, `/api/ws/v2` is meant.
 */
export function connect(url: string | URL, options: WsClientOptions = {}): ClientLine<WsClient> {
  const client = new ClientLine(new WsClient(lineAddress(url), options), options.onError);
  client.line.start();
  return client;
}

/** The address of a line: `ws:` or `wss:`, and a path. */
export function lineAddress(url: string | URL): string {
  const address = new URL(url, globalThis.location?.href);
  address.protocol = address.protocol.replace("http", "ws");
  if (address.pathname === "/") {
    address.pathname = DEFAULT_PATH;
  }
  return address.href;
}
