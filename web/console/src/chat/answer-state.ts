import type { Message } from "../generated/agents";
import { type Conversation, isBusy } from "../state/conversation";

/** What follows the last message of a thread. */
export type AnswerState =
  | { readonly kind: "nothing" }
  /** The model was asked, and has said nothing yet. */
  | { readonly kind: "waiting" }
  | { readonly kind: "streaming" }
  | { readonly kind: "failed"; readonly sentence: string }
  | { readonly kind: "stopped" }
  /** Nobody asked for an answer to the last message. */
  | { readonly kind: "unanswered" };

const NO_REASON = "The answer failed, and the server did not say why.";

export function answerStateOf(conversation: Conversation): AnswerState {
  const { lastRun, streaming, messages } = conversation;
  if (streaming?.text) {
    return { kind: "streaming" };
  }
  if (isBusy(conversation)) {
    return { kind: "waiting" };
  }
  const last = messages.at(-1);
  if (last?.role !== "user") {
    return lastRun && last && lastRun.message_id === last.id ? endOf(conversation) : { kind: "nothing" };
  }
  // A message that was written after the last run had begun was not part of it.
  return lastRun && lastRun.status !== "done" && lastRun.created_at >= last.timestamp
    ? endOf(conversation)
    : { kind: "unanswered" };
}

function endOf({ lastRun }: Conversation): AnswerState {
  if (lastRun?.status === "failed") {
    return { kind: "failed", sentence: lastRun.error ?? NO_REASON };
  }
  return { kind: lastRun?.status === "cancelled" ? "stopped" : "nothing" };
}

/** The messages of a thread with the answer in progress, under the id that its message will have. */
export function withStreaming({ streaming, thread }: Conversation, messages: readonly Message[]): readonly Message[] {
  if (!streaming?.text || !thread) {
    return messages;
  }
  const growing: Message = {
    id: streaming.messageId,
    thread_id: thread.id,
    role: "assistant",
    content: streaming.text,
    timestamp: "",
    processed: false,
    version: 0,
  };
  return [...messages, growing];
}

/** The run that can be stopped. */
export function stoppableRun(conversation: Conversation): number | undefined {
  if (!isBusy(conversation)) {
    return undefined;
  }
  return conversation.streaming?.runId ?? conversation.lastRun?.id;
}

/** The newest message of a person, which is edited and sent again. */
export function lastQuestion(messages: readonly Message[]): Message | undefined {
  return messages.findLast(({ role }) => role === "user");
}
