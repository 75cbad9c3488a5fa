export type { KeptTopic, TopicKeeper } from "./topic-keeper.js";
export { type EventOf, type TopicOptions, TopicState, type TopicView } from "./topic-state.js";
