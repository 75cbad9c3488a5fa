import type { EventOf } from "@trunkline/client/state";
import type { Message, Run, StreamChunk, Thread, ThreadEvents, ThreadHistory } from "../generated/agents";
import { runAfter } from "./entities";

/** The answer in progress: `at` is the length of `text` in Unicode code points, as the chunks count. */
export interface Streaming {
  readonly runId: number;
  readonly messageId: number;
  readonly at: number;
  readonly text: string;
}

/** What is known of one thread. Messages are in the order of their ids, without the one that is streaming. */
export interface Conversation {
  readonly thread: Thread | null;
  readonly messages: readonly Message[];
  readonly streaming: Streaming | null;
  readonly lastRun: Run | null;
  /** Whether older messages were left out. */
  readonly isTruncated: boolean;
  /** Whether somebody deleted the thread while it was open. */
  readonly isDeleted: boolean;
}

export const NO_CONVERSATION: Conversation = {
  thread: null,
  messages: [],
  streaming: null,
  lastRun: null,
  isTruncated: false,
  isDeleted: false,
};

export function conversationOf(history: ThreadHistory): Conversation {
  const { streaming } = history;
  return {
    thread: history.thread,
    messages: history.messages,
    streaming: streaming
      ? { runId: streaming.run_id, messageId: streaming.message_id, at: streaming.at, text: streaming.text }
      : null,
    lastRun: history.last_run ?? null,
    isTruncated: history.truncated ?? false,
    isDeleted: false,
  };
}

/** What is known of a thread after one of its events. An event whose effect is held already changes nothing. */
export function reduceConversation(held: Conversation, event: EventOf<ThreadEvents>): Conversation {
  switch (event.type) {
    case "thread_created":
    case "thread_updated":
      return held.thread && held.thread.version >= event.data.version ? held : { ...held, thread: event.data };
    case "thread_message_created":
    case "thread_message_updated":
      return withMessage(held, event.data);
    case "thread_message_deleted":
      return { ...held, messages: held.messages.filter(({ id }) => id !== event.data.id) };
    case "run_started":
      return { ...held, lastRun: runAfter(held.lastRun, event.data.run) };
    case "run_finished": {
      const isItsEnd = held.streaming?.runId === event.data.run_id;
      return { ...held, lastRun: runAfter(held.lastRun, event.data.run), streaming: isItsEnd ? null : held.streaming };
    }
    case "stream_start": {
      const { run_id, message_id } = event.data;
      const isHeld = held.streaming?.messageId === message_id || held.messages.some(({ id }) => id === message_id);
      return isHeld ? held : { ...held, streaming: { runId: run_id, messageId: message_id, at: 0, text: "" } };
    }
    case "thread_deleted":
      return { ...held, isDeleted: true, streaming: null };
    case "stream_chunk":
      return withChunk(held, event.data);
    default:
      return held;
  }
}

function withMessage(held: Conversation, message: Message): Conversation {
  const [first] = held.messages;
  if (held.isTruncated && first && message.id < first.id) {
    return held; // One of those that were left out; to hold it would leave a hole.
  }
  const place = held.messages.findIndex(({ id }) => id >= message.id);
  const known = held.messages[place];
  const streaming = held.streaming?.messageId === message.id ? null : held.streaming;
  if (known?.id !== message.id) {
    const end = place < 0 ? held.messages.length : place;
    return { ...held, streaming, messages: held.messages.toSpliced(end, 0, message) };
  }
  return known.version >= message.version
    ? { ...held, streaming }
    : { ...held, streaming, messages: held.messages.with(place, message) };
}

/** Append what a chunk has that the text has not. Chunks never leave a hole: the line sees to that. */
function withChunk(held: Conversation, { message_id, at, text }: StreamChunk): Conversation {
  const { streaming } = held;
  if (streaming?.messageId !== message_id || at > streaming.at) {
    return held;
  }
  const characters = [...text];
  const fresh = characters.slice(streaming.at - at);
  if (!fresh.length) {
    return held;
  }
  const whole = { ...streaming, at: streaming.at + fresh.length, text: streaming.text + fresh.join("") };
  return { ...held, streaming: whole };
}

/** Whether the thread is being answered, or waits to be. */
export function isBusy({ lastRun, streaming }: Conversation): boolean {
  return streaming !== null || lastRun?.status === "running" || lastRun?.status === "queued";
}
