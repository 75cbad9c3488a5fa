import type { Timers } from "../timers.js";
import type { KeptCall } from "./call-queue.js";
import type { CallStore } from "./call-store.js";
import { inMemory, KEPT, NO_STORE, type StorageState } from "./storage-state.js";

/** Seconds for a store to answer; some browsers' databases hang. */
const PATIENCE = 5;

/** A store that may be missing or fail, which is reported, and shows in its state. */
export class WatchedStore {
  readonly #store: CallStore | undefined;
  readonly #timers: Timers;
  readonly #onError: (error: unknown) => void;
  readonly #onChange: () => void;
  #state: StorageState;

  constructor(
    store: CallStore | undefined,
    { timers, onError }: { readonly timers: Timers; readonly onError: (error: unknown) => void },
    onChange: () => void,
  ) {
    this.#store = store;
    this.#timers = timers;
    this.#onError = onError;
    this.#onChange = onChange;
    this.#state = store ? KEPT : NO_STORE;
  }

  /** Whether calls outlive the page, as far as is known. */
  get state(): StorageState {
    return this.#state;
  }

  /** The calls that were kept, in order; undefined where that cannot be known. */
  async load(): Promise<readonly KeptCall[] | undefined> {
    try {
      return (await this.#inTime(this.#store?.load())) ?? [];
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  /** Keep a call; returns whether it is kept. Rejects where the store failed. */
  async add({ key, method, params }: KeptCall): Promise<boolean> {
    try {
      await this.#inTime(this.#store?.add({ key, method, params }));
    } catch (error) {
      this.#failed(error);
      throw error;
    }
    this.#become(this.#store ? KEPT : NO_STORE);
    return !!this.#store;
  }

  /** Forget an answered call. */
  async remove(key: string): Promise<void> {
    await this.#store?.remove(key).catch(this.#onError);
  }

  async #inTime<Result>(answering: Promise<Result> | undefined): Promise<Result | undefined> {
    if (!answering) {
      return undefined;
    }
    let timer: unknown;
    const late = new Promise<never>((_, reject) => {
      timer = this.#timers.set(() => reject(new DOMException("The store does not answer", "TimeoutError")), PATIENCE);
    });
    try {
      return await Promise.race([answering, late]);
    } finally {
      this.#timers.clear(timer);
    }
  }

  #failed(error: unknown): void {
    this.#onError(error);
    this.#become(inMemory(error));
  }

  #become(state: StorageState): void {
    const hasChanged = JSON.stringify(state) !== JSON.stringify(this.#state);
    this.#state = state;
    hasChanged && this.#onChange();
  }
}
