export type { BackoffOptions } from "./backoff.js";
export type { Params } from "./calls.js";
export { ClientLine, connect } from "./client-line.js";
export type { SessionOptions } from "./client-session.js";
export type {
  LineState,
  Notice,
  Noticed,
  ReceivedEvent,
  ReceivedReset,
  ReceivedSnapshot,
  StateChanged,
  TopicFailed,
  TopicOpened,
  Update,
} from "./effects.js";
export { CallCut, LineClosed, RequestError, TrunklineError } from "./errors.js";
export { type ErrorCode, mayReconnect } from "./generated/codes.js";
export type * from "./generated/messages.js";
export type { KeepAliveOptions, Learned } from "./keep-alive.js";
export type { CallOptions, CallResult, Line, Listener } from "./line.js";
export type { LineStats } from "./line-stats.js";
export type { Position } from "./position.js";
export { browserSignals, type Signal, type Signals } from "./signals.js";
export type { Socket, SocketConstructor } from "./socket.js";
export type { Timers } from "./timers.js";
export {
  type Handler,
  type HandlerOptions,
  type HandlerReference,
  type TopicLine,
  TopicManager,
} from "./topic-manager.js";
export { type Token, WsClient, type WsClientOptions } from "./ws-client.js";
