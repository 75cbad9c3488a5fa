import type { ThreadActivity } from "../generated/agents";
import type { BrowserStorage } from "./browser-storage";
import type { Threads } from "./entities";

/** The newest message that was looked at, by thread. */
export type SeenMessages = Readonly<Record<string, number>>;

const NAME = "seen";
const MOST = 2_000;

/** Remembers what was looked at, for all tabs of this browser. */
export class Seen {
  #messages: SeenMessages | undefined;

  constructor(
    readonly storage: BrowserStorage,
    readonly changed: (messages: SeenMessages) => void,
  ) {
    this.#messages = storage.read<SeenMessages | undefined>(NAME, undefined);
    storage.onChange(NAME, () => this.#take(storage.read<SeenMessages>(NAME, {})));
  }

  get messages(): SeenMessages {
    return this.#messages ?? {};
  }

  /** At the very first visit everything that exists was seen. */
  begin({ activity }: Threads): void {
    if (this.#messages) {
      return;
    }
    const all = [...activity.values()].map((one) => [one.thread_id, one.last_message_id ?? 0] as const);
    this.#keep(Object.fromEntries(all));
  }

  /** The messages of a thread up to this one were looked at. */
  look(threadId: number, messageId: number): void {
    if ((this.messages[threadId] ?? 0) < messageId) {
      this.#keep({ ...this.messages, [threadId]: messageId });
    }
  }

  #keep(messages: SeenMessages): void {
    const kept = Object.fromEntries(Object.entries(messages).slice(-MOST));
    this.storage.write(NAME, kept);
    this.#take(kept);
  }

  #take(messages: SeenMessages): void {
    this.#messages = messages;
    this.changed(messages);
  }
}

/** Whether the newest message of a thread is an answer that nobody looked at. */
export function isUnread(activity: ThreadActivity | undefined, seen: SeenMessages): boolean {
  return (
    activity?.last_role === "assistant" && (activity.last_message_id ?? 0) > (seen[String(activity.thread_id)] ?? 0)
  );
}

/** How many threads have an answer that nobody looked at. */
export function countUnread({ activity }: Threads, seen: SeenMessages): number {
  let unread = 0;
  for (const one of activity.values()) {
    unread += Number(isUnread(one, seen));
  }
  return unread;
}
