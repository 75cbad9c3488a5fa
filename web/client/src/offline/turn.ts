import type { CallPages } from "./call-pages.js";

/** This page's turn at sending the calls of a store that pages share. */
export class Turn {
  readonly #pages: CallPages | undefined;
  readonly #begin: () => void;
  #release: (() => void) | undefined;
  #isOurs = false;

  constructor(pages: CallPages | undefined, begin: () => void) {
    this.#pages = pages;
    this.#begin = begin;
  }

  get isOurs(): boolean {
    return this.#isOurs;
  }

  /** Ask for the turn; nothing happens if it was asked for. */
  request(): void {
    if (this.#release || !this.#pages) {
      return;
    }
    let isAsked = true;
    const release = this.#pages.takeTurn(() => {
      if (isAsked) {
        this.#isOurs = true;
        this.#begin();
      }
    });
    this.#release = () => {
      isAsked = false;
      release();
    };
  }

  /** Let another page send. */
  release(): void {
    this.#release?.();
    this.#release = undefined;
    this.#isOurs = false;
  }
}
