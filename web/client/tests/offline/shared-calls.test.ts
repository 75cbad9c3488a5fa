import fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import { NoIndexedDB, OfflineCalls } from "../../src/offline/index.js";
import { inMemory } from "../../src/offline/storage-state.js";
import { CallingEnd, type ManualPage, ManualPages } from "../rig/manual-pages.js";
import { settle } from "../rig/manual-world.js";

let all: ManualPages;
let one: ManualPage;
let two: ManualPage;

beforeEach(async () => {
  all = new ManualPages();
  [one, two] = [all.open(), all.open()];
  await settle();
});

async function rest(): Promise<void> {
  for (let turns = 0; turns < 5; turns++) {
    await settle();
  }
}

async function enqueue(page: ManualPage, ...keys: string[]): Promise<void> {
  for (const key of keys) {
    page.calls.enqueue("m", {}, { key });
    await rest();
  }
}

test("one page sends the calls of all, in the order they were made, and all see where each is", async () => {
  await enqueue(one, "a");
  await enqueue(two, "b");
  await enqueue(one, "c");
  const states = ["a sent", "b pending", "c pending"];
  expect([one.states, two.states]).toEqual([states, states]);
  expect([one.line.unanswered.length, two.line.unanswered.length]).toEqual([1, 0]);
  const answer = two.calls.pendingCalls[1]?.result;
  one.line.take();
  await rest();
  one.line.take();
  await rest();
  expect(await answer).toEqual({ result: 1, positions: [] });
  expect([one.states, two.states]).toEqual([["c sent"], ["c sent"]]);
  expect(all.kept.map(({ key }) => key)).toEqual(["c"]);
});

test("a page that comes later hears which call was sent", async () => {
  await enqueue(one, "a", "b");
  const late = all.open();
  await rest();
  expect(late.states).toEqual(["a sent", "b pending"]);
});

test("calls of a page that is gone are sent by another, the unanswered one again under its key", async () => {
  await enqueue(one, "a", "b");
  one.line.take(false);
  one.crash();
  await rest();
  expect(two.line.unanswered.map(({ key }) => key)).toEqual(["a"]);
  two.line.take();
  await rest();
  two.line.take();
  await rest();
  expect(all.taken).toEqual(["a", "b"]);
  expect(all.kept).toEqual([]);
});

test("a page whose line is closed lets another send", async () => {
  one.line.close();
  await enqueue(two, "a");
  expect(two.line.unanswered.map(({ key }) => key)).toEqual(["a"]);
});

test("a page that is put away lets another send, and waits for its turn when it comes back", async () => {
  one.signal("suspend");
  await enqueue(one, "a");
  expect(two.line.unanswered.map(({ key }) => key)).toEqual(["a"]);
  one.signal("wake");
  two.crash();
  await rest();
  expect(one.line.unanswered.map(({ key }) => key)).toEqual(["a"]);
});

test("a call whose answer died with the page that sent it brings the answer again", async () => {
  await enqueue(two, "a");
  const answer = two.calls.pendingCalls[0]?.result;
  one.line.take(false);
  all.kept = []; // The page had taken it out of the store, and told nobody.
  one.crash();
  await rest();
  two.line.take();
  expect(await answer).toEqual({ result: 0, positions: [] });
  await rest();
  expect([all.taken, two.states]).toEqual([["a"], []]);
});

test("a call that cannot be stored is sent by its own page, which says why it is not kept", async () => {
  all.failure = new DOMException("full", "QuotaExceededError");
  const call = two.calls.enqueue("m", {}, { key: "a" });
  await expect(call.stored).rejects.toThrow("full");
  await rest();
  expect(two.line.unanswered.map(({ key }) => key)).toEqual(["a"]);
  expect(two.calls.storage).toEqual({
    kind: "memory",
    reason:
      "The storage that this browser gives to the page is full, so messages that wait to be sent are lost if this page closes.",
  });
  all.failure = undefined;
  await enqueue(two, "b");
  expect(two.calls.storage).toEqual({ kind: "kept" });
});

test("a store that does not answer holds nothing up", async () => {
  const hanging = () => new Promise<never>(() => {});
  const line = new CallingEnd([]);
  const { timers, errors } = all.world;
  const calls = new OfflineCalls(line, {
    store: { load: hanging, add: hanging, remove: hanging },
    timers,
    onError: (error) => errors.push(error),
  });
  const call = calls.enqueue("m");
  await all.world.advance(5);
  expect(line.unanswered.map(({ key }) => key)).toEqual([call.key]);
  expect(calls.storage).toMatchObject({
    reason: expect.stringMatching("^The storage of this browser does not answer"),
  });
});

test("where nothing keeps them, a sentence says so", () => {
  expect(new OfflineCalls(new CallingEnd([])).storage).toMatchObject({ kind: "memory" });
  const reasons = [new NoIndexedDB(), new DOMException("", "SecurityError"), new Error("odd")].map(
    (error) => (inMemory(error) as { reason: string }).reason,
  );
  expect(reasons).toEqual([
    expect.stringMatching(/^This browser has no IndexedDB here, so /),
    expect.stringMatching(/^This browser does not let the page store anything, so /),
    expect.stringMatching(/^Storing failed \(Error: odd\), so /),
  ]);
});

// Whatever pages do

interface Made {
  readonly page: ManualPage;
  readonly key: string;
  isAnswered: boolean;
}

/** Pages, what they made, and the order in which it came into the store. */
class Run {
  readonly all = new ManualPages();
  readonly made: Made[] = [];
  readonly order: string[] = [];

  enqueue(page: ManualPage): void {
    const call: Made = { page, key: `call ${this.made.length}`, isAnswered: false };
    this.made.push(call);
    const answered = () => {
      call.isAnswered = true;
    };
    page.calls.enqueue("m", {}, { key: call.key }).result.then(answered, () => {});
  }

  noteOrder(): void {
    for (const { key } of this.all.kept) {
      this.order.includes(key) || this.order.push(key);
    }
  }

  /** Everything is up again, and goes on until nothing is left; what a dying page stored at last, the next one finds. */
  async end(): Promise<void> {
    await settle();
    this.all.open();
    for (const page of this.all.pages) {
      page.signal("wake");
      page.line.connect();
    }
    for (let left = 20 + 4 * this.made.length; left > 0; left--) {
      await settle();
      this.noteOrder();
      for (const { line } of this.all.pages) {
        line.take();
      }
    }
    await settle();
  }

  check(): void {
    expect(this.all.kept).toEqual([]);
    expect(this.all.taken).toEqual(this.order);
    const unanswered = this.made.filter(({ page, isAnswered }) => page.isAlive && !isAnswered);
    expect(unanswered.map(({ key }) => key)).toEqual([]);
    expect(this.all.pages.flatMap(({ states }) => states)).toEqual([]);
    expect(this.all.world.errors).toEqual([]);
  }
}

const ACTS: Readonly<Record<string, (run: Run, page: ManualPage) => unknown>> = {
  enqueue: (run, page) => run.enqueue(page),
  take: (_, page) => page.line.take(),
  "take, and lose the answer": (_, page) => page.line.take(false),
  cut: (_, page) => page.line.cut(),
  connect: (_, page) => page.line.connect(),
  crash: ({ all }, page) => all.pages.length > 1 && page.crash(),
  open: ({ all }) => all.pages.length < 4 && all.open(),
  "put away": (_, page) => page.signal("suspend"),
  "take out": (_, page) => page.signal("wake"),
  wait: () => settle(),
  "wait a little": () => Promise.resolve(),
};

const what = fc.constantFrom("enqueue", "take", "connect", "wait", "wait a little", ...Object.keys(ACTS));

test("whatever pages do, each kept call takes effect once, in the order of the store, and its page hears of it", async () => {
  const steps = fc.array(fc.tuple(what, fc.nat(5)), { minLength: 10, maxLength: 60, size: "max" });
  const property = fc.asyncProperty(steps, async (steps) => {
    const run = new Run();
    run.all.open();
    for (const [what, at] of steps) {
      await ACTS[what]?.(run, run.all.pages[at % run.all.pages.length] as ManualPage);
      run.noteOrder();
    }
    await run.end();
    run.check();
  });
  await fc.assert(property, { numRuns: 300 });
});
