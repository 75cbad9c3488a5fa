import { RequestError } from "@trunkline/client";
import { type OfflineCalls, type PendingCall, randomId } from "@trunkline/client/offline";
import { sentenceOf } from "../api/failure";
import { rest } from "../api/rest";
import type { Calls } from "../generated/agents";
import type { BrowserStorage } from "./browser-storage";
import { KeptMessages } from "./kept-messages";
import { isTooLargeForLine } from "./message-size";

/** A message of this browser that its thread does not show yet. */
export interface OutgoingMessage {
  readonly clientId: string;
  readonly threadId: number;
  readonly content: string;
  /** Held back while its thread is answered; not sent; sent and not shown yet; or refused. */
  readonly state: "held" | "pending" | "sent" | "failed";
  /** Why it was refused. */
  readonly sentence?: string;
}

/** What the outbox is made of. */
export interface OutboxParts {
  readonly calls: OfflineCalls;
  readonly storage: BrowserStorage;
  /** Told what is on its way after each change. */
  readonly changed: (messages: readonly OutgoingMessage[]) => void;
  /** Whether a thread is being answered, as far as the page knows; it takes no message meanwhile. */
  readonly isBusy: (threadId: number) => boolean;
  /** Whether what the page knows of the threads is up to date. */
  readonly isLive: () => boolean;
}

type SendParams = Calls["thread.send"]["params"];

const SEND = "thread.send";
const MOST_ANSWERED = 100;
const UNFINISHED = "The page was closed before the server had this message.";
const QUEUE_FULL = "Too much waits for the line already. Try again when it is back.";

/** Milliseconds until a thread that was busy against expectation is tried again. */
const TRY_AGAIN_AFTER = 1_000;

/**
 * Sends what people write, keeps it until it is answered, and what was refused until they say what becomes of it.
 *
 * A thread takes one message at a time: what is written during an answer is held back until it has ended.
 */
export class Outbox {
  readonly #parts: OutboxParts;
  readonly #answered = new Map<string, OutgoingMessage>();
  readonly #large = new Map<string, OutgoingMessage>();
  readonly #followed = new Set<string>();
  readonly #shown = new Set<string>();
  readonly #failed: KeptMessages;
  readonly #held: KeptMessages;
  #again: ReturnType<typeof setTimeout> | undefined;

  constructor(parts: OutboxParts) {
    this.#parts = parts;
    this.#failed = new KeptMessages("failed messages", parts.storage, () => this.#tell());
    this.#held = new KeptMessages("held messages", parts.storage, () => this.#tell());
    parts.calls.subscribe(() => this.#followNew());
    this.#followNew();
  }

  /** Everything on its way, in the order it was written, and what was refused. */
  get messages(): readonly OutgoingMessage[] {
    const waiting = [...this.#waiting().map(outgoingOf), ...this.#large.values()];
    const known = new Set(waiting.map(({ clientId }) => clientId));
    const isNew = ({ clientId }: OutgoingMessage) => !known.has(clientId);
    const answered = [...this.#answered.values()].filter(isNew);
    return withoutRepeats([
      ...answered,
      ...waiting,
      ...this.#held.all.filter(isNew),
      ...this.#failed.all.filter(isNew),
    ]);
  }

  /** Say something in a thread and have it answered. Without a line it is sent when there is one. */
  send(threadId: number, content: string, clientId: string = randomId()): void {
    this.#failed.remove(clientId);
    const message: OutgoingMessage = { clientId, threadId, content, state: "held" };
    const isTaken = this.#isTaken(threadId) || this.#held.all.some((other) => other.threadId === threadId);
    if (isTaken) {
      this.#held.put(message);
    } else {
      this.#dispatch(message);
    }
    this.#tell();
  }

  /** Send again what was refused. */
  retry(clientId: string): void {
    const failed = this.#failed.all.find((message) => message.clientId === clientId);
    if (failed) {
      this.send(failed.threadId, failed.content, clientId);
    }
  }

  /** Give up what was refused or is held back; returns its text. */
  discard(clientId: string): string | undefined {
    const given = this.#failed.remove(clientId) ?? this.#held.remove(clientId);
    this.#tell();
    return given?.content;
  }

  /** The thread shows this message now. */
  arrived(clientId: string): void {
    if (this.#followed.has(clientId) || this.#large.has(clientId)) {
      this.#shown.add(clientId);
    }
    if (this.#answered.delete(clientId)) {
      this.#tell();
    }
  }

  /** Send what was held back, the first message of each thread that is not being answered any more. */
  release(): void {
    const tried = new Set<number>();
    for (const message of this.#parts.isLive() ? this.#held.all : []) {
      const { threadId, clientId } = message;
      // Another tab may have taken it meanwhile.
      if (!tried.has(threadId) && !this.#isTaken(threadId) && this.#held.remove(clientId)) {
        this.#dispatch(message);
      }
      tried.add(threadId);
    }
    if (tried.size) {
      this.#tell();
    }
  }

  /** Whether a thread is answered, or has a message on its way that will be. */
  #isTaken(threadId: number): boolean {
    const isOfThread = (message: OutgoingMessage) => message.threadId === threadId;
    return (
      this.#parts.isBusy(threadId) ||
      this.#waiting().map(outgoingOf).some(isOfThread) ||
      [...this.#large.values()].some(isOfThread)
    );
  }

  #waiting(): readonly PendingCall[] {
    return this.#parts.calls.pendingCalls.filter(({ method }) => method === SEND);
  }

  #dispatch(message: OutgoingMessage): void {
    const { threadId, content, clientId } = message;
    if (isTooLargeForLine(content)) {
      this.#sendLarge({ ...message, state: "sent" });
      return;
    }
    const params: SendParams = { thread_id: threadId, content, client_id: clientId, run: true };
    try {
      this.#parts.calls.enqueue(SEND, { ...params });
    } catch {
      this.#failed.put({ ...message, state: "failed", sentence: QUEUE_FULL });
    }
  }

  /** Send what the line does not take by REST; what the page's end cuts off is there again, to be sent again. */
  async #sendLarge(message: OutgoingMessage): Promise<void> {
    const { threadId, content, clientId } = message;
    this.#large.set(clientId, message);
    this.#failed.put({ ...message, state: "failed", sentence: UNFINISHED });
    try {
      await rest.addMessage(threadId, content, clientId);
      this.#failed.remove(clientId);
      this.#keepAnswered(message);
      // Where this fails, the thread shows a message without an answer, and how to ask for one.
      await rest.runThread(threadId).catch(() => {});
    } catch (error) {
      this.#failed.put({ ...message, state: "failed", sentence: sentenceOf(error) });
    }
    this.#large.delete(clientId);
    this.#tell();
    this.release();
  }

  /** Follow every call of this kind, those that an earlier page left among them. */
  #followNew(): void {
    for (const call of this.#waiting()) {
      const { clientId } = outgoingOf(call);
      if (!this.#followed.has(clientId)) {
        this.#followed.add(clientId);
        this.#follow(call);
      }
    }
    this.#tell();
  }

  async #follow(call: PendingCall): Promise<void> {
    const message = outgoingOf(call);
    try {
      await call.result;
      this.#keepAnswered({ ...message, state: "sent" });
    } catch (error) {
      this.#refused(message, error);
    }
    this.#followed.delete(message.clientId);
    this.#tell();
    this.release();
  }

  #refused(message: OutgoingMessage, error: unknown): void {
    if (!(error instanceof RequestError)) {
      return; // This page sends no more; the next one does.
    }
    if (error.code === "conflict") {
      // Its thread is being answered after all, of which the page has not heard yet.
      this.#held.putBack({ ...message, state: "held" });
      clearTimeout(this.#again);
      this.#again = setTimeout(() => this.release(), TRY_AGAIN_AFTER);
    } else {
      this.#failed.put({ ...message, state: "failed", sentence: error.message });
    }
  }

  /** The message itself comes as an event, a moment before the answer or after it. */
  #keepAnswered(message: OutgoingMessage): void {
    if (this.#shown.delete(message.clientId)) {
      return;
    }
    this.#answered.set(message.clientId, message);
    if (this.#answered.size > MOST_ANSWERED) {
      this.#answered.delete([...this.#answered.keys()][0] ?? "");
    }
  }

  #tell(): void {
    this.#parts.changed(this.messages);
  }
}

/** Each message once: two tabs that send the same one at the same moment make two calls of it. */
function withoutRepeats(messages: readonly OutgoingMessage[]): readonly OutgoingMessage[] {
  const byId = new Map(messages.toReversed().map((message) => [message.clientId, message]));
  return messages.filter((message) => byId.get(message.clientId) === message);
}

function outgoingOf(call: PendingCall): OutgoingMessage {
  const params = call.params as unknown as SendParams;
  return {
    clientId: params.client_id ?? call.key,
    threadId: params.thread_id,
    content: params.content,
    state: call.state === "pending" ? "pending" : "sent",
  };
}
