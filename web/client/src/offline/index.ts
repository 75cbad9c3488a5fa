export type { KeptTopic, TopicKeeper } from "../state/topic-keeper.js";
export { browserPages, type CallNews, type CallPages } from "./call-pages.js";
export type { CallQueueBounds, KeptCall } from "./call-queue.js";
export type { CallStore } from "./call-store.js";
export { CallQueueFull, NoIndexedDB } from "./errors.js";
export { IndexedStore, type IndexedStoreOptions } from "./indexed-store.js";
export { type CallingLine, OfflineCalls, type OfflineCallsOptions } from "./offline-calls.js";
export type { CallState, PendingCall } from "./pending-call.js";
export type { StorageState } from "./storage-state.js";
