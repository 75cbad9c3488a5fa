import type { BrowserStorage } from "./browser-storage";
import type { OutgoingMessage } from "./outgoing";

const MOST_KEPT = 100;

/** Messages that wait for something other than the line, kept for the next page and known to all tabs. */
export class KeptMessages {
  #all: readonly OutgoingMessage[];

  constructor(
    readonly name: string,
    readonly storage: BrowserStorage,
    changed: () => void,
  ) {
    this.#all = this.#read();
    storage.onChange(name, () => {
      this.#all = this.#read();
      changed();
    });
  }

  /** In the order they came. */
  get all(): readonly OutgoingMessage[] {
    return this.#all;
  }

  /** Keep one, after all others; what was kept of it before goes. */
  put(message: OutgoingMessage): void {
    this.#keep([...this.#without(message.clientId), message].slice(-MOST_KEPT));
  }

  /** Keep one before all others. */
  putBack(message: OutgoingMessage): void {
    this.#keep([message, ...this.#without(message.clientId)]);
  }

  /** Keep one no more; returns it. */
  remove(clientId: string): OutgoingMessage | undefined {
    this.#all = this.#read();
    const message = this.#all.find((one) => one.clientId === clientId);
    if (message) {
      this.#keep(this.#without(clientId));
    }
    return message;
  }

  /** What is kept besides, also by a tab whose change this one was not told of yet. */
  #without(clientId: string): readonly OutgoingMessage[] {
    return this.#read().filter((one) => one.clientId !== clientId);
  }

  #keep(all: readonly OutgoingMessage[]): void {
    this.#all = all;
    this.storage.write(this.name, all);
  }

  #read(): readonly OutgoingMessage[] {
    return this.storage.read<readonly OutgoingMessage[]>(this.name, []);
  }
}
