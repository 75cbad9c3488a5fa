export type { KeptTopic, TopicKeeper } from "../state/topic-keeper.js";
export type { CallQueueBounds, KeptCall } from "./call-queue.js";
export { CallQueueFull } from "./errors.js";
export { IndexedStore, type IndexedStoreOptions } from "./indexed-store.js";
export { type CallingLine, type CallStore, OfflineCalls, type OfflineCallsOptions } from "./offline-calls.js";
export type { CallState, PendingCall } from "./pending-call.js";
