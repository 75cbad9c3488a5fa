export type { EventOf, TopicOptions, TopicView } from "../state/topic-state.js";
export { TrunklineProvider, type TrunklineProviderProps, useClient } from "./context.js";
export { type CallView, type UseCallOptions, type UsedCall, useCall, usePendingCalls } from "./use-call.js";
export { useConnection } from "./use-connection.js";
export { useTopic } from "./use-topic.js";
