// Made from src/trunkline/agents by `make gen`; change it there.

/** An agent. */
export interface Agent {
  readonly id: number;
  readonly name: string;
  readonly status: "error" | "idle" | "running";
  readonly model: string;
  readonly system_instructions: string;
  readonly task_instructions: string;
  readonly config: Record<string, unknown>;
  readonly created_at: string;
  readonly updated_at: string;
  readonly version: number;
}

/** An agent that is gone. */
export interface AgentDeleted {
  readonly id: number;
  readonly name: string;
  readonly version: number;
}

/** Data of `agent_list`: the newest agents, lowest id first; `truncated` if older ones were left out. */
export interface AgentList {
  readonly agents: readonly Agent[];
  readonly truncated: boolean;
}

/** How long connections lasted that have ended. */
export interface Lifetimes {
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
}

/** A message of a thread. */
export interface Message {
  readonly id: number;
  readonly thread_id: number;
  readonly role: "assistant" | "system" | "user";
  readonly content: string;
  readonly timestamp: string;
  readonly processed: boolean;
  readonly version: number;
  readonly client_id?: string | null;
}

/** A message that is gone, its version grown by one. */
export interface MessageDeleted {
  readonly id: number;
  readonly thread_id: number;
  readonly version: number;
}

/** Params of `thread.resend`: see `Resend`. */
export interface ResendParams {
  readonly thread_id: number;
  readonly message_id: number;
  readonly content?: string | null;
  readonly client_id?: string | null;
}

/** The message as it is asked now, and the run that answers it. */
export interface Resent {
  readonly message: Message;
  readonly run_id: number;
}

/** One answer in the making, or made. */
export interface Run {
  readonly id: number;
  readonly thread_id: number;
  readonly agent_id: number;
  readonly status: "cancelled" | "done" | "failed" | "queued" | "running";
  readonly error: string | null;
  readonly message_id: number | null;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
}

/** Result of `run.cancel`: how the run ended, which it may have done before. */
export interface RunCancelledResult {
  readonly run_id: number;
  readonly status: "cancelled" | "done" | "failed" | "queued" | "running";
}

/** A run has ended. `error` is there if it failed; `run` is the whole run, as it is in snapshots. */
export interface RunFinished {
  readonly run_id: number;
  readonly thread_id: number;
  readonly agent_id: number;
  readonly status: "cancelled" | "done" | "failed";
  readonly run: Run;
  readonly error?: string | null;
}

/** Params of `run.cancel`. */
export interface RunParams {
  readonly run_id: number;
}

/** The model is asked now. `run` is the whole run, as it is in snapshots. */
export interface RunStarted {
  readonly run_id: number;
  readonly thread_id: number;
  readonly agent_id: number;
  readonly run: Run;
}

/** Result of `thread.run`. */
export interface RunStartedResult {
  readonly run_id: number;
}

/** Params of `thread.send`. `client_id` makes it harmless to send again; `run` has the message answered. */
export interface SendParams {
  readonly thread_id: number;
  readonly content: string;
  readonly client_id?: string | null;
  readonly run?: boolean;
}

/** The stored message, and the run that answers it if one was asked for. */
export interface Sent {
  readonly message: Message;
  readonly run_id?: number | null;
}

/** A piece of the answer. `at` is the number of characters (Unicode code points) of the answer before it. */
export interface StreamChunk {
  readonly run_id: number;
  readonly thread_id: number;
  readonly message_id: number;
  readonly at: number;
  readonly text: string;
}

/** No more chunks. */
export interface StreamEnd {
  readonly run_id: number;
  readonly thread_id: number;
  readonly message_id: number;
  readonly length: number;
  readonly finish_reason: string;
}

/** Text for the message `message_id` follows in chunks. */
export interface StreamStart {
  readonly run_id: number;
  readonly thread_id: number;
  readonly message_id: number;
}

/** An answer in progress. */
export interface Streaming {
  readonly run_id: number;
  readonly message_id: number;
  readonly at: number;
  readonly text: string;
}

/** What the server did in one second, and what it had at its end. */
export interface SystemSample {
  readonly time: string;
  readonly uptime: number;
  readonly connections: number;
  readonly opened: number;
  readonly closed: number;
  readonly topics: number;
  readonly subscriptions: number;
  readonly lagging: number;
  readonly queued_bytes: number;
  readonly published: number;
  readonly delivered: number;
  readonly recovered: number;
  readonly resumed: number;
  readonly refetched: number;
  readonly resets: number;
  readonly gaps: number;
  readonly duplicates: number;
  readonly latency_p50: number | null;
  readonly latency_p99: number | null;
  readonly loop_lag: number;
  readonly runs_running: number;
  readonly runs_queued: number;
  readonly memory: number | null;
}

/** Data of `system_state`: how the server is, and how it was. */
export interface SystemState {
  readonly now: SystemStatus;
  readonly samples: readonly SystemSample[];
}

/** How the server is, told each second to whoever subscribes. */
export interface SystemStatus {
  readonly status: "degraded" | "ok" | "stopping";
  readonly message: string;
  readonly version: string;
  readonly sample: SystemSample;
  readonly lifetimes: Lifetimes;
}

/** A conversation with one agent. `active` is a mark for its users; one that is not active takes messages too. */
export interface Thread {
  readonly id: number;
  readonly agent_id: number;
  readonly title: string;
  readonly active: boolean;
  readonly created_at: string;
  readonly updated_at: string;
  readonly version: number;
}

/** What has happened in a thread, without its texts. */
export interface ThreadActivity {
  readonly thread_id: number;
  readonly messages: number;
  readonly last_message_id: number | null;
  readonly last_role: "assistant" | "system" | "user" | null;
  readonly last_run: Run | null;
}

/** A thread that is gone, with its messages and runs: as it was last, its version grown by one. */
export interface ThreadDeleted {
  readonly id: number;
  readonly agent_id: number;
  readonly title: string;
  readonly active: boolean;
  readonly created_at: string;
  readonly updated_at: string;
  readonly version: number;
}

/** Data of `thread_history`. */
export interface ThreadHistory {
  readonly thread: Thread;
  readonly messages: readonly Message[];
  readonly streaming?: Streaming | null;
  readonly last_run?: Run | null;
  readonly truncated?: boolean;
}

/** Data of `thread_list`: the newest threads, lowest id first; `truncated` if older ones were left out. */
export interface ThreadList {
  readonly threads: readonly Thread[];
  readonly activity: readonly ThreadActivity[];
  readonly truncated: boolean;
}

/** Params of `thread.run`. */
export interface ThreadParams {
  readonly thread_id: number;
}

/** Events of `agent` topics by type. */
export interface AgentEvents {
  readonly agent_created: Agent;
  readonly agent_deleted: AgentDeleted;
  readonly agent_updated: Agent;
}

/** Events of `thread` topics by type. */
export interface ThreadEvents {
  readonly run_finished: RunFinished;
  readonly run_started: RunStarted;
  readonly stream_chunk: StreamChunk;
  readonly stream_end: StreamEnd;
  readonly stream_start: StreamStart;
  readonly thread_created: Thread;
  readonly thread_deleted: ThreadDeleted;
  readonly thread_message_created: Message;
  readonly thread_message_deleted: MessageDeleted;
  readonly thread_message_updated: Message;
  readonly thread_updated: Thread;
}

/** Events of `system` topics by type. */
export interface SystemEvents {
  readonly system_status: SystemStatus;
}

/** Data of snapshots by type. */
export interface Snapshots {
  readonly agent_state: Agent;
  readonly agent_list: AgentList;
  readonly thread_history: ThreadHistory;
  readonly thread_list: ThreadList;
  readonly system_state: SystemState;
}

/** Methods of `call` by name. */
export interface Calls {
  readonly "thread.send": { readonly params: SendParams; readonly result: Sent };
  readonly "thread.resend": { readonly params: ResendParams; readonly result: Resent };
  readonly "thread.run": { readonly params: ThreadParams; readonly result: RunStartedResult };
  readonly "run.cancel": { readonly params: RunParams; readonly result: RunCancelledResult };
}
