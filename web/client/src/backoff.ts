/** Times in seconds. */
export interface BackoffOptions {
  /** The shortest wait after the first quick retry; 0.5 unless given. */
  readonly floor?: number;
  /** The longest wait; 20 unless given. */
  readonly cap?: number;
  /** A connection that held this long starts the count anew; 60 unless given. */
  readonly stableAfter?: number;
}

/**
 * When to try again: exponential backoff with full jitter (Brooker, "Exponential Backoff And Jitter", AWS, 2015).
 *
 * It counts failed tries. Randomness and times come in as arguments.
 */
export class Backoff {
  readonly #options: Required<BackoffOptions>;
  #tries = 0;

  constructor(options: BackoffOptions = {}) {
    this.#options = { floor: 0.5, cap: 20, stableAfter: 60, ...options };
  }

  /** Seconds to wait before the next try; `chance` is uniform in [0, 1). The first retry is quick. */
  nextDelay(chance: number): number {
    const { floor, cap } = this.#options;
    const tries = this.#tries++;
    if (tries === 0) {
      return floor * chance;
    }
    return floor + (Math.min(cap, floor * 2 ** tries) - floor) * chance;
  }

  /** Forget failed tries if the connection that just ended held for a stable time (seconds). */
  connectionEnded(lasted: number): void {
    if (lasted >= this.#options.stableAfter) {
      this.#tries = 0;
    }
  }
}
