import { RequestError } from "./errors.js";

const TOPIC = /^[a-z][a-z0-9_]{0,63}:([A-Za-z0-9_.~-]{1,128}|\*)$/;

/**
 * Check that a text is a topic, `namespace:key`, or a feed, `namespace:*`.
 *
 * @throws RequestError `invalid_topic` if it is neither.
 */
export function checkTopic(topic: string): void {
  if (!TOPIC.test(topic)) {
    throw new RequestError(`Invalid topic format: ${topic.slice(0, 80)}`, "invalid_topic");
  }
}

/** The feed that a topic's events belong to: `agent:12` gives `agent:*`. */
export function feedTopic(topic: string): string {
  return `${topic.slice(0, topic.indexOf(":"))}:*`;
}
