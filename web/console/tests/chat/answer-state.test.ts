import { expect, test } from "vitest";
import { answerStateOf, lastQuestion, stoppableRun, withStreaming } from "../../src/chat/answer-state";
import type { Run } from "../../src/generated/agents";
import { type Conversation, NO_CONVERSATION } from "../../src/state/conversation";
import { aMessage, aRun, aThread } from "../rig/things";

const thread = aThread(1, 1);
const question = aMessage(1, thread, "Why?");
const answer = aMessage(2, thread, "Because", { role: "assistant" });

function held(more: Partial<Conversation>): Conversation {
  return { ...NO_CONVERSATION, thread, ...more };
}

function ended(status: Run["status"], more: Partial<Run> = {}): Run {
  return aRun(5, thread, status, more);
}

test("a finished answer needs no word", () => {
  const state = answerStateOf(held({ messages: [question, answer], lastRun: ended("done", { message_id: 2 }) }));
  expect(state).toEqual({ kind: "nothing" });
  expect(answerStateOf(held({}))).toEqual({ kind: "nothing" });
});

test("before the first word one waits, then it streams; both can be stopped", () => {
  const waiting = held({ messages: [question], lastRun: ended("running") });
  expect(answerStateOf(waiting)).toEqual({ kind: "waiting" });
  expect(stoppableRun(waiting)).toBe(5);
  const silent = held({ ...waiting, streaming: { runId: 6, messageId: 2, at: 0, text: "" } });
  expect(answerStateOf(silent)).toEqual({ kind: "waiting" });
  expect(stoppableRun(silent)).toBe(6);
  const streaming = held({ ...waiting, streaming: { runId: 6, messageId: 2, at: 2, text: "Be" } });
  expect(answerStateOf(streaming)).toEqual({ kind: "streaming" });
  expect(withStreaming(streaming, [question]).map(({ id, content }) => [id, content])).toEqual([
    [1, "Why?"],
    [2, "Be"],
  ]);
  expect(withStreaming(silent, [question])).toEqual([question]);
});

test("a failure tells its reason, with words said before or without", () => {
  const lastRun = ended("failed", { error: "The key was refused.", message_id: 2 });
  const sentence = { kind: "failed", sentence: "The key was refused." };
  expect(answerStateOf(held({ messages: [question, answer], lastRun }))).toEqual(sentence);
  expect(answerStateOf(held({ messages: [question], lastRun }))).toEqual(sentence);
  expect(stoppableRun(held({ messages: [question], lastRun }))).toBeUndefined();
});

test("an answer that was stopped says so", () => {
  const lastRun = ended("cancelled", { message_id: 2 });
  expect(answerStateOf(held({ messages: [question, answer], lastRun }))).toEqual({ kind: "stopped" });
});

test("a message that no run took into account is not answered, whatever the run before came to", () => {
  const later = aMessage(3, thread, "And?", { timestamp: "2026-05-01T12:00:01.000Z" });
  for (const status of ["done", "failed", "cancelled"] as const) {
    const state = answerStateOf(
      held({ messages: [question, answer, later], lastRun: ended(status, { message_id: 2 }) }),
    );
    expect(state).toEqual({ kind: "unanswered" });
  }
  expect(answerStateOf(held({ messages: [question] }))).toEqual({ kind: "unanswered" });
});

test("the last question is the newest message of a person", () => {
  expect(lastQuestion([question, answer])).toBe(question);
  expect(lastQuestion([answer])).toBeUndefined();
});
