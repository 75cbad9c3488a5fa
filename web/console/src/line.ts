import { type ClientLine, connect, type WsClient } from "@trunkline/client";
import { IndexedStore, OfflineCalls } from "@trunkline/client/offline";

/** The one line of this page. */
export type ConsoleClient = ClientLine<WsClient>;

export interface ConsoleLine {
  readonly client: ConsoleClient;
  readonly calls: OfflineCalls;
  readonly store: IndexedStore;
}

/** Open the line, and the store that keeps calls and topics for the next page. */
export function openLine(user: string): ConsoleLine {
  const store = new IndexedStore({ name: `trunkline console of ${user}` });
  const client = connect("/");
  return { client, calls: new OfflineCalls(client.line, { store }), store };
}
