import type { SendText } from "./effects.js";
import { RequestError } from "./errors.js";
import type { ClientMessage } from "./generated/messages.js";

/** Encode a client's message. Throws `TypeError` if a payload inside it cannot be JSON. */
export function send(message: ClientMessage): SendText {
  return { kind: "send", text: JSON.stringify(message) };
}

/** Decode a server's text frame: an object, and nothing more is known of it. */
export function decode(text: string): Readonly<Record<string, unknown>> {
  const message: unknown = JSON.parse(text);
  return message === Object(message) ? (message as Record<string, unknown>) : unreadable(text);
}

/**
 * Take a field's value for what it has to be.
 *
 * Checked are the fields that a line stands on: topics, positions and times. What else a message holds is typed as the
 * schema says, and is the application's to judge.
 */
export function text(value: unknown): string {
  return typeof value === "string" ? value : unreadable(value);
}

/** The same for a number. */
export function number(value: unknown): number {
  return typeof value === "number" ? value : unreadable(value);
}

function unreadable(what: unknown): never {
  throw new RequestError(`Unreadable message: ${String(what).slice(0, 99)}`, "invalid_message");
}
