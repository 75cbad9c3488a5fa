import { RequestError } from "@trunkline/client";
import type { OfflineCalls, PendingCall } from "@trunkline/client/offline";
import type { Calls } from "../generated/agents";
import type { BrowserStorage } from "./browser-storage";

/** A message of this browser that its thread does not show yet. */
export interface OutgoingMessage {
  readonly clientId: string;
  readonly threadId: number;
  readonly content: string;
  /** Not sent, sent and unanswered, or refused. */
  readonly state: "pending" | "sent" | "failed";
  /** Why it was refused. */
  readonly sentence?: string;
}

type Failed = OutgoingMessage & { readonly state: "failed" };
type SendParams = Calls["thread.send"]["params"];

const SEND = "thread.send";
const NAME = "failed messages";
const MOST_KEPT = 100;

/** Sends what people write, keeps it until it is answered, and what was refused until they say what becomes of it. */
export class Outbox {
  readonly #answered = new Map<string, OutgoingMessage>();
  readonly #followed = new Set<string>();
  #failed: readonly Failed[];

  constructor(
    readonly calls: OfflineCalls,
    readonly storage: BrowserStorage,
    readonly changed: (messages: readonly OutgoingMessage[]) => void,
  ) {
    this.#failed = storage.read<readonly Failed[]>(NAME, []);
    calls.subscribe(() => this.#followNew());
    storage.onChange(NAME, () => {
      this.#failed = storage.read<readonly Failed[]>(NAME, []);
      this.#tell();
    });
    this.#followNew();
  }

  /** Everything on its way, in the order it was written, and what was refused. */
  get messages(): readonly OutgoingMessage[] {
    const waiting = this.calls.pendingCalls.filter(({ method }) => method === SEND).map(outgoingOf);
    const known = new Set(waiting.map(({ clientId }) => clientId));
    const answered = [...this.#answered.values()].filter(({ clientId }) => !known.has(clientId));
    return [...answered, ...waiting, ...this.#failed.filter(({ clientId }) => !known.has(clientId))];
  }

  /** Say something in a thread and have it answered. Without a line it is sent when there is one. */
  send(threadId: number, content: string, clientId: string = crypto.randomUUID()): void {
    this.#forget(clientId);
    const params: SendParams = { thread_id: threadId, content, client_id: clientId, run: true };
    this.calls.enqueue(SEND, { ...params });
  }

  /** Send again what was refused. */
  retry(clientId: string): void {
    const failed = this.#failed.find((message) => message.clientId === clientId);
    if (failed) {
      this.send(failed.threadId, failed.content, clientId);
    }
  }

  /** Give up what was refused; returns its text. */
  discard(clientId: string): string | undefined {
    const failed = this.#failed.find((message) => message.clientId === clientId);
    this.#forget(clientId);
    this.#tell();
    return failed?.content;
  }

  /** The thread shows this message now. */
  arrived(clientId: string): void {
    if (this.#answered.delete(clientId)) {
      this.#tell();
    }
  }

  /** Follow every call of this kind, those that an earlier page left among them. */
  #followNew(): void {
    for (const call of this.calls.pendingCalls) {
      if (call.method === SEND && !this.#followed.has(call.key)) {
        this.#followed.add(call.key);
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
      if (error instanceof RequestError) {
        this.#keepFailed({ ...message, state: "failed", sentence: error.message });
      }
    }
    this.#followed.delete(call.key);
    this.#tell();
  }

  /** The message itself comes as an event, a moment before the answer or after it. */
  #keepAnswered(message: OutgoingMessage): void {
    this.#answered.set(message.clientId, message);
    if (this.#answered.size > MOST_KEPT) {
      this.#answered.delete([...this.#answered.keys()][0] ?? "");
    }
  }

  #keepFailed(failed: Failed): void {
    this.#failed = [...this.#failed.filter(({ clientId }) => clientId !== failed.clientId), failed].slice(-MOST_KEPT);
    this.storage.write(NAME, this.#failed);
  }

  #forget(clientId: string): void {
    const left = this.#failed.filter((message) => message.clientId !== clientId);
    if (left.length !== this.#failed.length) {
      this.#failed = left;
      this.storage.write(NAME, left);
    }
  }

  #tell(): void {
    this.changed(this.messages);
  }
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
