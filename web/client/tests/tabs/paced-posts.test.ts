import { expect, test } from "vitest";
import { PacedPosts } from "../../src/tabs/paced-posts.js";

/** Timers that are run by hand, all at once. */
class HandTimers {
  #acts = new Map<number, () => void>();
  #made = 0;

  set = (act: () => void): unknown => {
    this.#acts.set(++this.#made, act);
    return this.#made;
  };

  clear = (timer: unknown): void => {
    this.#acts.delete(timer as number);
  };

  get count(): number {
    return this.#acts.size;
  }

  run(): void {
    const due = [...this.#acts.values()];
    this.#acts.clear();
    for (const act of due) {
      act();
    }
  }
}

function make() {
  const timers = new HandTimers();
  const posted: (readonly number[])[] = [];
  return { timers, posted, posts: new PacedPosts<number>((items) => posted.push(items), timers) };
}

test("one after quiet goes at once; what follows closely goes together, in order", () => {
  const { timers, posted, posts } = make();
  for (let n = 1; n <= 4; n++) {
    posts.post(n);
  }
  expect(posted).toEqual([[1]]);
  timers.run();
  expect(posted).toEqual([[1], [2, 3, 4]]);
});

test("after a pause without anything it is quiet again, and no timer is left", () => {
  const { timers, posted, posts } = make();
  posts.post(1);
  timers.run();
  expect(timers.count).toBe(0);
  posts.post(2);
  expect(posted).toEqual([[1], [2]]);
});

test("at the end what was gathered goes at once, once", () => {
  const { timers, posted, posts } = make();
  posts.post(1);
  posts.post(2);
  posts.flush();
  timers.run();
  expect(posted).toEqual([[1], [2]]);
  expect(timers.count).toBe(0);
});
