/** Small values that outlive the page, as JSON under names of their own. A browser that forbids it keeps them in memory. */
export class BrowserStorage {
  readonly #prefix: string;
  readonly #storage: Storage | undefined;
  readonly #memory = new Map<string, string>();
  /** Why not everything outlives the page, or undefined while it does. */
  failure: string | undefined;
  /** Told when something could not be kept. */
  onFailure: () => void = () => {};

  constructor(prefix = "trunkline.", storage: () => Storage = () => globalThis.localStorage) {
    this.#prefix = prefix;
    try {
      this.#storage = storage() ?? undefined; // Some browsers give null for what they forbid.
    } catch {
      this.#storage = undefined;
    }
    if (!this.#storage) {
      this.failure = "This browser forbids storage to this page: what you write is kept only until you close it.";
    }
  }

  read<Value>(name: string, otherwise: Value): Value {
    const key = this.#prefix + name;
    try {
      const text = this.#memory.get(key) ?? this.#storage?.getItem(key);
      return text ? (JSON.parse(text) as Value) : otherwise;
    } catch {
      return otherwise; // Whatever stands there was not written by this page.
    }
  }

  write(name: string, value: unknown): void {
    const key = this.#prefix + name;
    const text = JSON.stringify(value);
    try {
      this.#storage?.setItem(key, text);
      this.#memory.delete(key);
    } catch {
      this.#memory.set(key, text);
      this.failure = "This browser's storage is full: what you write is kept only until you close this page.";
      this.onFailure();
    }
    if (!this.#storage) {
      this.#memory.set(key, text);
    }
  }

  remove(name: string): void {
    this.#memory.delete(this.#prefix + name);
    try {
      this.#storage?.removeItem(this.#prefix + name);
    } catch {
      // Nothing of it was kept where this is forbidden.
    }
  }

  /** Remove everything, as when somebody signs out. */
  clear(): void {
    this.#memory.clear();
    for (const key of Object.keys(this.#storage ?? {}).filter((one) => one.startsWith(this.#prefix))) {
      this.#storage?.removeItem(key);
    }
  }

  /** Call back when another tab has written a value; returns what ends it. */
  onChange(name: string, changed: () => void): () => void {
    const hear = (event: StorageEvent) => event.key === this.#prefix + name && changed();
    globalThis.addEventListener("storage", hear);
    return () => globalThis.removeEventListener("storage", hear);
  }
}
