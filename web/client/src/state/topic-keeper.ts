import type { Position } from "../position.js";

/** What was held of a topic, and how far it is processed. */
export interface KeptTopic {
  readonly topic: string;
  readonly position: Position;
  readonly data: unknown;
}

/** Keeps what topics hold together with their positions, so that the next page resumes. */
export interface TopicKeeper {
  /** What was kept of a topic last. */
  loadTopic(topic: string): Promise<KeptTopic | undefined>;
  /** Keep this instead of what was kept of the topic before: data and position together, or neither. */
  saveTopic(kept: KeptTopic): Promise<void>;
  /** Forget what was kept of a topic, because the right to it ended. */
  removeTopic(topic: string): Promise<void>;
}
