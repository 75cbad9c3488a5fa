// Made from src/trunkline by `make gen`; change it there.

/** Why a request failed; the connection stays. */
export const ERROR_CODES = [
  "invalid_json",
  "invalid_message",
  "unknown_type",
  "invalid_topic",
  "not_found",
  "forbidden",
  "unauthenticated",
  "too_many_subscriptions",
  "rate_limited",
  "too_large",
  "conflict",
  "internal",
] as const;

/** One of `ERROR_CODES`; a later server may send others, whose sentence still says why. */
export type ErrorCode = (typeof ERROR_CODES)[number];

// Why a WebSocket was closed.
export const NORMAL = 1000;
export const GOING_AWAY = 1001;
export const SERVICE_RESTART = 1012;
export const SLOW = 4000;
export const PING_TIMEOUT = 4001;
export const DRAIN = 4002;
export const OVERLOADED = 4003;
export const INSUFFICIENT_STATE = 4004;
export const UNAUTHENTICATED = 4500;
export const FORBIDDEN_ORIGIN = 4501;
export const PROTOCOL_ERROR = 4502;
export const TOO_MANY_CONNECTIONS = 4503;
export const MESSAGE_TOO_LARGE = 4504;
export const BANNED_BY_RATE = 4505;

/** What each close code means, for people. */
export const CLOSE_SENTENCES: Readonly<Record<number, string>> = {
  [NORMAL]: "The connection was closed on purpose.",
  [GOING_AWAY]: "The server or the page is going away.",
  [SERVICE_RESTART]: "The server restarts.",
  [SLOW]: "The client read too slowly for too long; reconnect to catch up.",
  [PING_TIMEOUT]: "Nothing was heard from the other side in time.",
  [DRAIN]: "The server drains; reconnect after the time it gave.",
  [OVERLOADED]: "The server is overloaded; reconnect later.",
  [INSUFFICIENT_STATE]: "The server could not make the stream whole; reconnect.",
  [UNAUTHENTICATED]: "No valid credentials were given.",
  [FORBIDDEN_ORIGIN]: "Pages of this origin may not connect.",
  [PROTOCOL_ERROR]: "The client broke the protocol.",
  [TOO_MANY_CONNECTIONS]: "This principal has too many connections.",
  [MESSAGE_TOO_LARGE]: "A message was larger than the server takes.",
  [BANNED_BY_RATE]: "The client went on sending above its rate limit.",
};

const TERMINAL = [[1002, 1003], [1007, 1010], [4500, 4999]] as const;

/** Whether a client should connect again after a connection that ended with this code. */
export function mayReconnect(code: number): boolean {
  return !TERMINAL.some(([first, last]) => code >= first && code <= last);
}
