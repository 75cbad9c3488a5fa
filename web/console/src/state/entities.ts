import type { EventOf } from "@trunkline/client/state";
import type {
  Agent,
  AgentEvents,
  AgentList,
  Run,
  Thread,
  ThreadActivity,
  ThreadEvents,
  ThreadList,
} from "../generated/agents";

/** Agents by id. */
export type Agents = ReadonlyMap<number, Agent>;

/** Threads by id, and what happens in them. */
export interface Threads {
  readonly byId: ReadonlyMap<number, Thread>;
  readonly activity: ReadonlyMap<number, ThreadActivity>;
}

export const NO_AGENTS: Agents = new Map();
export const NO_THREADS: Threads = { byId: new Map(), activity: new Map() };

/** What a map holds after something came for an id; the newer `version` wins, whatever came first. */
function withNewer<Thing extends { readonly id: number; readonly version: number }>(
  held: ReadonlyMap<number, Thing>,
  thing: Thing,
): ReadonlyMap<number, Thing> {
  const known = held.get(thing.id);
  return known && known.version >= thing.version ? held : new Map(held).set(thing.id, thing);
}

function without<Thing>(held: ReadonlyMap<number, Thing>, id: number): ReadonlyMap<number, Thing> {
  if (!held.has(id)) {
    return held;
  }
  const left = new Map(held);
  left.delete(id);
  return left;
}

export function agentsOf({ agents }: AgentList): Agents {
  return new Map(agents.map((agent) => [agent.id, agent]));
}

/** What is known of the agents after an event of `agent:*`. */
export function reduceAgents(agents: Agents, event: EventOf<AgentEvents>): Agents {
  switch (event.type) {
    case "agent_created":
    case "agent_updated":
      return withNewer(agents, event.data);
    case "agent_deleted":
      return without(agents, event.data.id);
    default:
      return agents;
  }
}

export function threadsOf({ threads, activity }: ThreadList): Threads {
  return {
    byId: new Map(threads.map((thread) => [thread.id, thread])),
    activity: new Map(activity.map((one) => [one.thread_id, one])),
  };
}

/** What is known of the threads after an event of `thread:*`. */
export function reduceThreads(threads: Threads, event: EventOf<ThreadEvents>): Threads {
  switch (event.type) {
    case "thread_created":
    case "thread_updated":
      return { ...threads, byId: withNewer(threads.byId, event.data) };
    case "thread_deleted":
      return { byId: without(threads.byId, event.data.id), activity: without(threads.activity, event.data.id) };
    default: {
      const id = threadOf(event);
      if (id === undefined) {
        return threads;
      }
      const before = threads.activity.get(id) ?? quiet(id);
      const after = reduceActivity(before, event);
      return after === before ? threads : { ...threads, activity: new Map(threads.activity).set(id, after) };
    }
  }
}

function threadOf({ data }: EventOf<ThreadEvents>): number | undefined {
  return "thread_id" in data ? data.thread_id : undefined;
}

function quiet(thread_id: number): ThreadActivity {
  return { thread_id, messages: 0, last_message_id: null, last_role: null, last_run: null };
}

function reduceActivity(activity: ThreadActivity, event: EventOf<ThreadEvents>): ThreadActivity {
  switch (event.type) {
    case "thread_message_created":
      if (event.data.id <= (activity.last_message_id ?? 0)) {
        return activity;
      }
      return {
        ...activity,
        messages: activity.messages + 1,
        last_message_id: event.data.id,
        last_role: event.data.role,
      };
    case "thread_message_updated":
      // The newest was deleted, and the one that is asked anew is the thread's last now.
      return activity.last_role === null && activity.messages > 0
        ? { ...activity, last_message_id: event.data.id, last_role: event.data.role }
        : activity;
    case "thread_message_deleted": {
      const left = { ...activity, messages: Math.max(0, activity.messages - 1) };
      return event.data.id === activity.last_message_id ? { ...left, last_role: null } : left;
    }
    case "run_started":
    case "run_finished":
      return { ...activity, last_run: runAfter(activity.last_run, event.data.run) };
    default:
      return activity;
  }
}

/** The newest run of a thread after one of its runs began or ended. */
export function runAfter(last: Run | null, run: Run): Run {
  return last && last.id > run.id ? last : run;
}

/** Whether a thread is being answered, or waits to be. */
export function isRunning(activity: ThreadActivity | undefined): boolean {
  const status = activity?.last_run?.status;
  return status === "running" || status === "queued";
}

/** The threads of one agent, the newest change first. */
export function threadsOfAgent({ byId }: Threads, agentId: number): readonly Thread[] {
  return [...byId.values()]
    .filter((thread) => thread.agent_id === agentId)
    .sort((a, b) => b.updated_at.localeCompare(a.updated_at) || b.id - a.id);
}

/** What a list of agents shows of one beside its own fields. */
export interface AgentSummary {
  readonly threads: number;
  readonly running: number;
  readonly lastRun: Run | null;
}

const IDLE: AgentSummary = { threads: 0, running: 0, lastRun: null };

/** Threads, running answers and the newest run of every agent that has a thread. */
export function summarize({ byId, activity }: Threads): ReadonlyMap<number, AgentSummary> {
  const summaries = new Map<number, AgentSummary>();
  for (const thread of byId.values()) {
    const { threads, running, lastRun } = summaries.get(thread.agent_id) ?? IDLE;
    const doing = activity.get(thread.id);
    const run = doing?.last_run ?? null;
    summaries.set(thread.agent_id, {
      threads: threads + 1,
      running: running + Number(isRunning(doing)),
      lastRun: run && run.id > (lastRun?.id ?? 0) ? run : lastRun,
    });
  }
  return summaries;
}
