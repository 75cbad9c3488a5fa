import type { KeptTopic, TopicKeeper } from "../state/topic-keeper.js";
import type { KeptCall } from "./call-queue.js";
import type { CallStore } from "./call-store.js";
import { NoIndexedDB } from "./errors.js";

export interface IndexedStoreOptions {
  /** Name of the database. Use one for each user, so that nobody sees what another left. */
  readonly name?: string;
  /** Topics kept at most, those saved last; 200 unless given. */
  readonly maxTopics?: number;
  /** The platform's IndexedDB unless given. */
  readonly indexedDB?: IDBFactory;
}

const CALLS = "calls";
const TOPICS = "topics";
const BY_KEY = "by key";
const BY_TIME = "by time";

/** Keeps unanswered calls and the state of topics in IndexedDB. The database is opened at the first use. */
export class IndexedStore implements CallStore, TopicKeeper {
  /** Pages whose stores have the same name share one. */
  readonly name: string;
  readonly #options: IndexedStoreOptions;
  #database: Promise<IDBDatabase> | undefined;

  constructor(options: IndexedStoreOptions = {}) {
    this.#options = options;
    this.name = options.name ?? "trunkline";
  }

  async load(): Promise<readonly KeptCall[]> {
    return this.#use(CALLS, "readonly", (calls) => settled<KeptCall[]>(calls.getAll()));
  }

  async add({ key, method, params }: KeptCall): Promise<void> {
    await this.#use(CALLS, "readwrite", async (calls) => {
      const place = await settled(calls.index(BY_KEY).getKey(key));
      if (place === undefined) {
        calls.add({ key, method, params });
      }
    });
  }

  async remove(key: string): Promise<void> {
    await this.#use(CALLS, "readwrite", async (calls) => {
      const place = await settled(calls.index(BY_KEY).getKey(key));
      if (place !== undefined) {
        calls.delete(place);
      }
    });
  }

  async loadTopic(topic: string): Promise<KeptTopic | undefined> {
    return this.#use(TOPICS, "readonly", (topics) => settled<KeptTopic | undefined>(topics.get(topic)));
  }

  async saveTopic({ topic, position, data }: KeptTopic): Promise<void> {
    await this.#use(TOPICS, "readwrite", async (topics) => {
      topics.put({ topic, position, data, savedAt: Date.now() });
      const count = await settled(topics.count());
      if (count > (this.#options.maxTopics ?? 200)) {
        const oldest = await settled(topics.index(BY_TIME).openKeyCursor());
        topics.delete(oldest?.primaryKey ?? topic);
      }
    });
  }

  async removeTopic(topic: string): Promise<void> {
    await this.#use(TOPICS, "readwrite", (topics) => settled(topics.delete(topic)));
  }

  /** Forget everything, as when the user signs out. */
  async clear(): Promise<void> {
    await this.#use(CALLS, "readwrite", (calls) => settled(calls.clear()));
    await this.#use(TOPICS, "readwrite", (topics) => settled(topics.clear()));
  }

  /** Release the database. */
  async close(): Promise<void> {
    const database = await this.#database;
    this.#database = undefined;
    database?.close();
  }

  /** Run requests in a transaction of their own; resolves when it is complete. */
  async #use<Result>(
    name: string,
    mode: IDBTransactionMode,
    act: (store: IDBObjectStore) => Promise<Result>,
  ): Promise<Result> {
    const transaction = (await this.#opened()).transaction(name, mode);
    const complete = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error);
    });
    const [result] = await Promise.all([act(transaction.objectStore(name)), complete]);
    return result;
  }

  async #opened(): Promise<IDBDatabase> {
    this.#database ??= this.#open();
    try {
      return await this.#database;
    } catch (error) {
      this.#database = undefined; // The next use tries again.
      throw error;
    }
  }

  async #open(): Promise<IDBDatabase> {
    const factory: IDBFactory | undefined = this.#options.indexedDB ?? globalThis.indexedDB;
    if (!factory) {
      throw new NoIndexedDB();
    }
    const opening = factory.open(this.name, 1);
    opening.onupgradeneeded = () => {
      const calls = opening.result.createObjectStore(CALLS, { autoIncrement: true });
      calls.createIndex(BY_KEY, "key", { unique: true });
      const topics = opening.result.createObjectStore(TOPICS, { keyPath: "topic" });
      topics.createIndex(BY_TIME, "savedAt");
    };
    const database = await settled(opening);
    // Another page wants to change or delete the database: do not stand in its way.
    database.onversionchange = () => this.close();
    return database;
  }
}

function settled<Result>(request: IDBRequest<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
