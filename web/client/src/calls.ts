import { send } from "./codec.js";
import type { Effect } from "./effects.js";
import { RequestError } from "./errors.js";
import type { Reply } from "./generated/messages.js";
import { newId, type Requests } from "./requests.js";

/** Parameters of a call: anything that can be JSON. */
export type Params = Readonly<Record<string, unknown>>;

/** The unanswered calls of a connection. */
export class Calls {
  /** The most bytes that the server takes in one message. */
  maxBytes = 64 * 1024;
  readonly #requests: Requests;
  #unanswered = new Set<string>();

  constructor(requests: Requests) {
    this.#requests = requests;
  }

  /**
   * Call a method on the present connection, which must be ready; a `call-ended` effect follows with the message id.
   *
   * @throws RequestError `too_large`: the server would end the line over such a message.
   */
  call(method: string, params: Params, key?: string): { messageId: string; effects: Effect[] } {
    const messageId = newId(this.#requests);
    const sending = send({ type: "call", method, params, ...(key && { key }), message_id: messageId });
    const size = new TextEncoder().encode(sending.text).length;
    if (size > this.maxBytes) {
      throw new RequestError(
        `The call of ${method} has ${size} bytes, more than the ${this.maxBytes} taken`,
        "too_large",
      );
    }
    this.#unanswered.add(messageId);
    return { messageId, effects: [sending] };
  }

  /** Take the answer to a call; undefined if it is to none of these. */
  end(reply: Reply, isRefusal = false): Effect[] | undefined {
    const messageId = reply.message_id ?? "";
    return this.#unanswered.delete(messageId) ? [{ kind: "call-ended", messageId, reply, isRefusal }] : undefined;
  }

  /** The connection is gone: whether they have taken effect is not known. */
  cut(): Effect[] {
    const cut = this.#unanswered;
    this.#unanswered = new Set();
    return [...cut].map((messageId) => ({ kind: "call-ended", messageId }));
  }
}
