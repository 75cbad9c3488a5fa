import fc from "fast-check";
import { expect, test } from "vitest";
import type { Message, Run, StreamChunk, Thread, ThreadHistory } from "../../src/generated/agents";
import {
  type Conversation,
  conversationOf,
  isBusy,
  NO_CONVERSATION,
  reduceConversation,
} from "../../src/state/conversation";

type Event = Parameters<typeof reduceConversation>[1];

const TIME = "2026-11-25T10:00:00.000Z";
const THREAD: Thread = {
  id: 1,
  agent_id: 1,
  title: "",
  active: true,
  created_at: TIME,
  updated_at: TIME,
  version: 1,
};

function event(type: string, data: unknown): Event {
  return {
    kind: "event",
    type,
    topic: "thread:1",
    subscriptions: ["thread:1"],
    id: "e",
    time: TIME,
    data,
  } as unknown as Event;
}

function message(id: number, content = "", version = 1): Message {
  return { id, thread_id: 1, role: "user", content, timestamp: TIME, processed: false, version };
}

function run(id: number, status: Run["status"]): Run {
  return {
    id,
    thread_id: 1,
    agent_id: 1,
    status,
    error: null,
    message_id: 7,
    created_at: TIME,
    started_at: TIME,
    finished_at: null,
  };
}

function chunk(at: number, text: string): Event {
  const data: StreamChunk = { run_id: 3, thread_id: 1, message_id: 7, at, text };
  return event("stream_chunk", data);
}

function fold(from: Conversation, events: readonly Event[]): Conversation {
  return events.reduce(reduceConversation, from);
}

const begun = fold(NO_CONVERSATION, [event("stream_start", { run_id: 3, thread_id: 1, message_id: 7 })]);

const text = fc.array(fc.string({ unit: "binary", minLength: 1, maxLength: 6 }), { maxLength: 12 });

/** The chunks of a text as the server tells them: `at` counts code points. */
function chunksOf(pieces: readonly string[]): Event[] {
  let at = 0;
  return pieces.map((piece) => {
    const one = chunk(at, piece);
    at += [...piece].length;
    return one;
  });
}

test("a text cut anywhere is whole again", () => {
  fc.assert(
    fc.property(text, (pieces) => {
      const { streaming } = fold(begun, chunksOf(pieces));
      expect(streaming?.text).toBe(pieces.join(""));
      expect(streaming?.at).toBe([...pieces.join("")].length);
    }),
  );
});

test("chunks that come again, late or overlapping, change nothing of the text", () => {
  const property = fc.property(text, fc.array(fc.nat(30)), fc.nat(30), (pieces, again, cut) => {
    const whole = pieces.join("");
    const chunks = chunksOf(pieces);
    const characters = [...whole];
    const overlap = chunk(0, characters.slice(0, cut).join(""));
    const repeated = chunks.flatMap((one, place) => {
      const older = again[place] === undefined ? undefined : chunks[again[place] % (place + 1)];
      return older ? [one, older] : [one];
    });
    expect(fold(begun, [...repeated, overlap]).streaming?.text).toBe(whole);
  });
  fc.assert(property);
});

test("a snapshot at any moment and the events after it give the same text", () => {
  const property = fc.property(text, fc.nat(12), fc.nat(12), (pieces, taken, joined) => {
    const chunks = chunksOf(pieces);
    const held = pieces.slice(0, taken).join("");
    const history: ThreadHistory = {
      thread: THREAD,
      messages: [],
      streaming: { run_id: 3, message_id: 7, at: [...held].length, text: held },
    };
    // The stream joins where the snapshot was taken, or earlier.
    const following = chunks.slice(Math.min(taken, joined));
    expect(fold(conversationOf(history), following).streaming?.text).toBe(pieces.join(""));
  });
  fc.assert(property);
});

test("a chunk past the end of the text is not appended: the line fetches what is missing", () => {
  expect(fold(begun, [chunk(0, "ab"), chunk(5, "f")]).streaming?.text).toBe("ab");
});

test("chunks of another answer leave this one alone", () => {
  const other = event("stream_chunk", { run_id: 4, thread_id: 1, message_id: 8, at: 0, text: "x" });
  expect(fold(begun, [other]).streaming?.text).toBe("");
});

test("a second start of the same answer keeps its text", () => {
  const again = event("stream_start", { run_id: 3, thread_id: 1, message_id: 7 });
  expect(fold(begun, [chunk(0, "Hello"), again]).streaming?.text).toBe("Hello");
  const ended = fold(begun, [event("thread_message_created", message(7, "Hello")), again]);
  expect(ended.streaming).toBeNull();
});

test("the finished message takes the place of the stream", () => {
  const ended = fold(begun, [chunk(0, "Hel"), event("thread_message_created", message(7, "Hello"))]);
  expect(ended.streaming).toBeNull();
  expect(ended.messages.map(({ content }) => content)).toEqual(["Hello"]);
});

test("messages in any order, doubled and in older versions, end in order and newest", () => {
  const versions = fc.array(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 4 })), { minLength: 1 });
  const property = fc.property(versions, (all) => {
    const events = all.map(([id, version]) => event("thread_message_updated", message(id, `v${version}`, version)));
    const newest = new Map<number, number>();
    for (const [id, version] of all) {
      newest.set(id, Math.max(version, newest.get(id) ?? 0));
    }
    const expected = [...newest].sort(([a], [b]) => a - b).map(([id, version]) => [id, `v${version}`]);
    expect(fold(NO_CONVERSATION, events).messages.map(({ id, content }) => [id, content])).toEqual(expected);
  });
  fc.assert(property);
});

test("a thread that is cut and asked anew ends with the message that is asked", () => {
  const held = { ...NO_CONVERSATION, messages: [message(1), message(2), message(3)] };
  const cut = fold(held, [
    event("thread_message_deleted", { id: 3, thread_id: 1, version: 2 }),
    event("thread_message_deleted", { id: 2, thread_id: 1, version: 2 }),
    event("thread_message_updated", message(1, "anew", 2)),
  ]);
  expect(cut.messages.map(({ id, content }) => [id, content])).toEqual([[1, "anew"]]);
});

test("a change of a message that the snapshot left out makes no hole; one that is asked anew is shown", () => {
  const held = { ...NO_CONVERSATION, isTruncated: true, messages: [message(500), message(501)] };
  const changed = fold(held, [event("thread_message_updated", message(3, "old", 2))]);
  expect(changed.messages.map(({ id }) => id)).toEqual([500, 501]);
  const cut = fold(held, [
    event("thread_message_deleted", { id: 501, thread_id: 1, version: 2 }),
    event("thread_message_deleted", { id: 500, thread_id: 1, version: 2 }),
    event("thread_message_updated", message(3, "anew", 2)),
  ]);
  expect(cut.messages.map(({ id }) => id)).toEqual([3]);
});

test("a run makes the thread busy until it ends; an older run's end does not count", () => {
  const started = fold(NO_CONVERSATION, [event("run_started", { run_id: 3, thread_id: 1, run: run(3, "running") })]);
  expect(isBusy(started)).toBe(true);
  const late = fold(started, [event("run_finished", { run_id: 2, thread_id: 1, run: run(2, "failed") })]);
  expect(isBusy(late)).toBe(true);
  const ended = fold(late, [event("run_finished", { run_id: 3, thread_id: 1, run: run(3, "cancelled") })]);
  expect(isBusy(ended)).toBe(false);
  expect(ended.lastRun?.status).toBe("cancelled");
});

test("the end of a run that said nothing ends its stream", () => {
  const ended = fold(begun, [event("run_finished", { run_id: 3, thread_id: 1, run: run(3, "failed") })]);
  expect(ended.streaming).toBeNull();
});

test("an older version of the thread changes nothing, and its end is said", () => {
  const held = { ...NO_CONVERSATION, thread: { ...THREAD, title: "New", version: 3 } };
  expect(fold(held, [event("thread_updated", THREAD)])).toBe(held);
  const deleted = fold({ ...held, streaming: begun.streaming }, [event("thread_deleted", { ...THREAD, version: 4 })]);
  expect(deleted).toMatchObject({ isDeleted: true, streaming: null });
});
