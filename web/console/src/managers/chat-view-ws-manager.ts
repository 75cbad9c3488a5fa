import { randomId } from "@trunkline/client/offline";
import { rest } from "../api/rest";
import { type App, useApp } from "../state/app-state";
import type { Conversation } from "../state/conversation";
import { isTooLargeForLine } from "../state/message-size";
import { Listening } from "./listening";

/** Keeps one open thread of the store up to date, and carries what its view wants done. */
export class ChatViewWsManager {
  readonly #app: App;
  readonly #listening = new Listening();

  constructor(
    app: App,
    readonly threadId: number,
  ) {
    this.#app = app;
  }

  /** Begin to listen; the view was mounted. */
  initialize(): void {
    this.#listening.to(this.#app.topics.conversation(this.threadId), (view) => {
      useApp.setState(({ conversations }) => ({ conversations: new Map(conversations).set(this.threadId, view) }));
      this.#settle(view.data);
    });
  }

  /** Stop, and remove the own handlers alone; the view is gone. */
  cleanup(): void {
    this.#listening.stop();
    useApp.setState(({ conversations }) => {
      const left = new Map(conversations);
      left.delete(this.threadId);
      return { conversations: left };
    });
  }

  /** Say something and have it answered; without a line it waits for one. */
  send(content: string): void {
    this.#app.outbox.send(this.threadId, content);
  }

  /** Have the thread answered again from one of the user's messages on, with another text if one is given. */
  async resend(messageId: number, content?: string): Promise<void> {
    if (content !== undefined && isTooLargeForLine(content)) {
      await rest.resendMessage(this.threadId, messageId, content);
      return;
    }
    const params = { thread_id: this.threadId, message_id: messageId, ...(content === undefined ? {} : { content }) };
    await this.#app.client.line.call("thread.resend", params, { key: randomId() });
  }

  /** Stop the answer in progress. Its text so far stays. */
  async stop(runId: number): Promise<void> {
    await this.#app.client.line.call("run.cancel", { run_id: runId });
  }

  /** The messages up to this one were looked at. */
  look(messageId: number): void {
    this.#app.seen.look(this.threadId, messageId);
  }

  /** Tell the outbox what the thread shows by now, also where a snapshot brought it. */
  #settle({ messages }: Conversation): void {
    const outgoing = useApp.getState().outgoing.filter(({ threadId }) => threadId === this.threadId);
    for (const { clientId } of outgoing) {
      if (messages.some(({ client_id }) => client_id === clientId)) {
        this.#app.outbox.arrived(clientId);
      }
    }
  }
}
