import type { Message } from "../generated/agents";
import type { Conversation } from "../state/conversation";
import type { OlderMessages } from "./message-list";

interface WholeThread extends OlderMessages {
  /** All messages that are here, oldest first. */
  readonly messages: readonly Message[];
}

/** The messages of a thread with those that its snapshot left out. */
export function useOlderMessages(_threadId: number, { messages }: Conversation): WholeThread {
  return { messages, hasMore: false, isLoading: false, load: () => {} };
}
