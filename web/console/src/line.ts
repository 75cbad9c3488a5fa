import type { ClientLine } from "@trunkline/client";
import { IndexedStore, OfflineCalls } from "@trunkline/client/offline";
import { SilenceMemory } from "@trunkline/client/silences";
import { connectTabs, type TabLine } from "@trunkline/client/tabs";

/** The one line of this page, whose socket all tabs of this browser share. */
export type ConsoleClient = ClientLine<TabLine>;

export interface ConsoleLine {
  readonly client: ConsoleClient;
  readonly calls: OfflineCalls;
  readonly store: IndexedStore;
}

/** Open the line, and the store that keeps calls and topics for the next page. */
export function openLine(user: string): ConsoleLine {
  const store = new IndexedStore({ name: `trunkline console of ${user}` });
  const client = connectTabs("/", { share: user, silences: new SilenceMemory() });
  return { client, calls: new OfflineCalls(client.line, { store }), store };
}
