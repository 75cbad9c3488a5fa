import createClient from "openapi-fetch";
import type { components, paths } from "../generated/rest";
import { failureOf, type ProblemDocument, unreachable } from "./failure";

type Schemas = components["schemas"];
export type AgentDraft = Required<Schemas["AgentBody"]>;
export type AgentChanges = Schemas["AgentPatch"];
export type ModelInfo = Schemas["ModelInfo"];

const client = createClient<paths>({
  baseUrl: globalThis.location?.origin ?? "",
  fetch: (request) => globalThis.fetch(request),
});

interface Answered<Data> {
  readonly data?: Data;
  readonly error?: unknown;
  readonly response: Response;
}

/** The data of an answer. Throws `Failure` if there is none. */
async function dataOf<Data>(request: Promise<Answered<Data>>): Promise<Data> {
  let answer: Answered<Data>;
  try {
    answer = await request;
  } catch {
    throw unreachable();
  }
  if (!answer.response.ok) {
    throw failureOf(answer.response.status, answer.error as ProblemDocument | undefined);
  }
  return answer.data as Data;
}

// Every change is also told over the line, and only that changes what the page shows.

export const rest = {
  models: async () => (await dataOf(client.GET("/api/models"))).items,
  createAgent: (body: AgentDraft) => dataOf(client.POST("/api/agents", { body })),
  agent: (id: number) => dataOf(client.GET("/api/agents/{agent_id}", { params: { path: { agent_id: id } } })),
  changeAgent: (id: number, body: AgentChanges) =>
    dataOf(client.PATCH("/api/agents/{agent_id}", { params: { path: { agent_id: id } }, body })),
  deleteAgent: (id: number, keepalive = false) =>
    dataOf(client.DELETE("/api/agents/{agent_id}", { params: { path: { agent_id: id } }, keepalive })),
  createThread: (agentId: number, title: string) =>
    dataOf(client.POST("/api/threads", { body: { agent_id: agentId, title, active: true } })),
  renameThread: (id: number, title: string) =>
    dataOf(client.PATCH("/api/threads/{thread_id}", { params: { path: { thread_id: id } }, body: { title } })),
  deleteThread: (id: number, keepalive = false) =>
    dataOf(client.DELETE("/api/threads/{thread_id}", { params: { path: { thread_id: id } }, keepalive })),
  /** Messages older than this one, the newest of them, in the order of ids. */
  messagesBefore: (threadId: number, before: number) =>
    dataOf(
      client.GET("/api/threads/{thread_id}/messages", {
        params: { path: { thread_id: threadId }, query: { before, limit: 100 } },
      }),
    ),
  /** Add a message that may be too large for the line; adding it again under the same client id changes nothing. */
  addMessage: (threadId: number, content: string, clientId: string) =>
    dataOf(
      client.POST("/api/threads/{thread_id}/messages", {
        params: { path: { thread_id: threadId } },
        body: { content, client_id: clientId },
      }),
    ),
  /** Have a thread answered anew from one of the user's messages on, with a text that may be too large for the line. */
  resendMessage: (threadId: number, messageId: number, content: string) =>
    dataOf(
      client.POST("/api/threads/{thread_id}/messages/{message_id}/resend", {
        params: { path: { thread_id: threadId, message_id: messageId } },
        body: { content },
      }),
    ),
  /** Have what nobody answered yet answered. */
  runThread: (threadId: number) =>
    dataOf(client.POST("/api/threads/{thread_id}/run", { params: { path: { thread_id: threadId } } })),
  /** Add a message of whatever size, and have it answered. */
  async sendLarge(threadId: number, content: string, clientId: string): Promise<void> {
    await rest.addMessage(threadId, content, clientId);
    await rest.runThread(threadId);
  },
};
