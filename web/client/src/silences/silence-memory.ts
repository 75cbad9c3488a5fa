import type { Learned } from "../keep-alive.js";

/** What is used of `localStorage`. */
export type SilenceStorage = Pick<Storage, "getItem" | "setItem">;

export interface SilenceMemoryOptions {
  /** The platform's `localStorage` unless given. */
  readonly storage?: SilenceStorage | undefined;
  /** Names the present network, as far as it is known; the type of connection that the browser tells unless given. */
  readonly network?: () => string;
}

const ENTRY = "trunkline silences";

/** Networks remembered, those saved last. */
const MAX_NETWORKS = 8;

/**
 * Remembers what lines have learned of each network's silences, so that the next page does not learn it anew.
 *
 * A browser tells little of its network: its type (`wifi`, `cellular`) where it tells that, and nothing elsewhere; then
 * all networks are one. Storage that is missing, forbidden or full remembers nothing, and nothing else comes of it.
 */
export class SilenceMemory {
  readonly #network: () => string;
  readonly #storage: SilenceStorage | undefined;
  readonly #begunIn: string;
  #saved = "";

  constructor(options: SilenceMemoryOptions = {}) {
    this.#network = options.network ?? connectionType;
    this.#storage = "storage" in options ? options.storage : pageStorage();
    this.#begunIn = this.#network();
  }

  /** What was learned of the present network; undefined if nothing was. */
  recall(): Learned | undefined {
    return this.#all()[this.#network()];
  }

  /** Remember what was learned. What a line has learned across two networks is true of neither, and forgotten. */
  remember(learned: Learned): void {
    const network = this.#network();
    const text = JSON.stringify(learned);
    if (network !== this.#begunIn || text === this.#saved || !learned.holds) {
      return;
    }
    this.#saved = text;
    const { [network]: _, ...others } = this.#all();
    const kept = Object.entries(others).slice(-(MAX_NETWORKS - 1));
    try {
      this.#storage?.setItem(ENTRY, JSON.stringify(Object.fromEntries([...kept, [network, learned]])));
    } catch {
      // It is full or forbidden: the next page learns anew.
    }
  }

  #all(): Readonly<Record<string, Learned>> {
    try {
      const networks: unknown = JSON.parse(this.#storage?.getItem(ENTRY) ?? "{}");
      return Object.fromEntries(Object.entries(networks ?? {}).filter(([, learned]) => isLearned(learned)));
    } catch {
      return {};
    }
  }
}

function isLearned(value: unknown): value is Learned {
  const { holds, breaks } = Object(value) as Record<string, unknown>;
  return typeof holds === "number" && (breaks === undefined || typeof breaks === "number");
}

function connectionType(): string {
  const { connection } = globalThis.navigator ?? {};
  return connection?.type ?? "";
}

function pageStorage(): SilenceStorage | undefined {
  try {
    return globalThis.localStorage;
  } catch {
    return undefined; // Forbidden by the browser's settings.
  }
}

declare global {
  interface Navigator {
    readonly connection?: { readonly type?: string };
  }
}
