import type { Timers } from "../timers.js";

/** Seconds between two posts to a busy tab: half a frame. */
const PACE = 0.008;

/**
 * Posts one after quiet at once, and gathers what follows closely into one message.
 *
 * A page pays for each message that it gets, whatever is in it: ten thousand a second leave it no time for its frames.
 */
export class PacedPosts<Item> {
  readonly #post: (items: readonly Item[]) => void;
  readonly #timers: Timers;
  #gathered: Item[] = [];
  #resting: unknown;

  constructor(post: (items: readonly Item[]) => void, timers: Timers) {
    this.#post = post;
    this.#timers = timers;
  }

  /** Post an item, after all that were posted before. */
  readonly post = (item: Item): void => {
    this.#gathered.push(item);
    this.#resting ?? this.#postAndRest();
  };

  /** Post at once what was gathered; nothing follows by itself. */
  flush(): void {
    this.#timers.clear(this.#resting);
    this.#resting = undefined;
    if (this.#gathered.length) {
      this.#post(this.#gathered.splice(0));
    }
  }

  #postAndRest(): void {
    this.flush();
    this.#resting = this.#timers.set(() => {
      this.#resting = undefined;
      this.#gathered.length && this.#postAndRest();
    }, PACE);
  }
}
