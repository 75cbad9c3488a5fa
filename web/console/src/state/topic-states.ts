import type { ClientLine } from "@trunkline/client";
import { type TopicKeeper, type TopicOptions, TopicState } from "@trunkline/client/state";
import type {
  AgentEvents,
  AgentList,
  SystemEvents,
  SystemState,
  ThreadEvents,
  ThreadHistory,
  ThreadList,
} from "../generated/agents";
import { type Conversation, conversationOf, NO_CONVERSATION, reduceConversation } from "./conversation";
import {
  agentsOf,
  type HeldAgents,
  type HeldThreads,
  NO_AGENTS,
  NO_THREADS,
  reduceAgents,
  reduceThreads,
  threadsOf,
} from "./entities";
import { historyOf, NO_HISTORY, reduceHistory, type SystemHistory } from "./system-history";

export type ConversationState = TopicState<Conversation, ThreadEvents, ThreadHistory>;

/** Threads whose text stays in memory after their view is gone, so that coming back shows them at once. */
const MOST_CONVERSATIONS = 20;

/** What is held of every topic of this page. A topic is subscribed to while a manager listens to its state. */
export class TopicStates {
  readonly agents: TopicState<HeldAgents, AgentEvents, AgentList>;
  readonly threads: TopicState<HeldThreads, ThreadEvents, ThreadList>;
  readonly system: TopicState<SystemHistory, SystemEvents, SystemState>;
  readonly #conversations = new Map<number, ConversationState>();

  constructor(
    readonly client: ClientLine,
    readonly keeper: TopicKeeper | undefined,
  ) {
    this.agents = this.#make("agent:*", { initial: NO_AGENTS, reduce: reduceAgents, fromSnapshot: agentsOf });
    this.threads = this.#make("thread:*", { initial: NO_THREADS, reduce: reduceThreads, fromSnapshot: threadsOf });
    this.system = new TopicState(client, "system:status", {
      initial: NO_HISTORY,
      reduce: reduceHistory,
      fromSnapshot: historyOf,
    });
  }

  /** The state of one thread; the one shown longest ago is forgotten first. */
  conversation(threadId: number): ConversationState {
    const state =
      this.#conversations.get(threadId) ??
      this.#make<Conversation, ThreadEvents, ThreadHistory>(`thread:${threadId}`, {
        initial: NO_CONVERSATION,
        reduce: reduceConversation,
        fromSnapshot: conversationOf,
      });
    this.#conversations.delete(threadId);
    this.#conversations.set(threadId, state);
    for (const oldest of this.#conversations.keys()) {
      if (this.#conversations.size <= MOST_CONVERSATIONS) {
        break;
      }
      this.#conversations.delete(oldest);
    }
    return state;
  }

  #make<Data, Events, State>(topic: string, options: TopicOptions<Data, Events, State>) {
    return new TopicState<Data, Events, State>(this.client, topic, { ...options, keeper: this.keeper });
  }
}
