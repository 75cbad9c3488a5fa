/** Milliseconds from which a clock is wrong enough to say so; less is the network's doing. */
const WRONG = 60_000;

/** The server's time, by a device whose own clock may be wrong. */
export class ServerClock {
  #skew = 0;

  constructor(readonly device: () => number = Date.now) {}

  /** Milliseconds since 1970 as the server counts them. */
  readonly now = (): number => this.device() + this.#skew;

  /** Learn the difference from the `Date` header of an answer that just came. */
  hear(date: string | null): void {
    const skew = date ? Date.parse(date) - this.device() : Number.NaN;
    this.#skew = Math.abs(skew) >= WRONG ? skew : 0;
  }

  /** What is wrong with the device's clock, in a sentence, or undefined. */
  get trouble(): string | undefined {
    if (!this.#skew) {
      return undefined;
    }
    const minutes = Math.round(Math.abs(this.#skew) / WRONG);
    const amount = minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
    const direction = this.#skew < 0 ? "ahead of" : "behind";
    return `This device's clock is ${amount} ${direction} the server's. Times on this page are the server's.`;
  }
}
