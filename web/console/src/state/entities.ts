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

/** What is held beside the things of a list. */
interface Held {
  /** Ids of what was deleted lately. No id comes again, so nothing that arrives late brings one back. */
  readonly gone: ReadonlySet<number>;
  /** Whether the server left older ones out of its list. */
  readonly isTruncated: boolean;
}

/** What is held of `agent:*`. */
export interface HeldAgents extends Held {
  readonly byId: Agents;
}

/** What is held of `thread:*`. */
export interface HeldThreads extends Held, Threads {}

const NOTHING_HELD: Held = { gone: new Set(), isTruncated: false };
const MOST_GONE = 1_000;

export const NO_AGENTS: HeldAgents = { ...NOTHING_HELD, byId: new Map() };
export const NO_THREADS: HeldThreads = { ...NOTHING_HELD, byId: new Map(), activity: new Map() };

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

function withGone(gone: ReadonlySet<number>, id: number): ReadonlySet<number> {
  return gone.has(id) ? gone : new Set([...[...gone].slice(1 - MOST_GONE), id]);
}

export function agentsOf({ agents, truncated }: AgentList): HeldAgents {
  return { ...NOTHING_HELD, byId: new Map(agents.map((agent) => [agent.id, agent])), isTruncated: truncated };
}

/** What is known of the agents after an event of `agent:*`. Whatever the order of events, the newest version stays. */
export function reduceAgents(held: HeldAgents, event: EventOf<AgentEvents>): HeldAgents {
  if (held.gone.has(event.data.id)) {
    return held;
  }
  if (event.type === "agent_deleted") {
    const { id } = event.data;
    return { ...held, byId: without(held.byId, id), gone: withGone(held.gone, id) };
  }
  const byId = withNewer(held.byId, event.data);
  return byId === held.byId ? held : { ...held, byId };
}

export function threadsOf({ threads, activity, truncated }: ThreadList): HeldThreads {
  return {
    ...NOTHING_HELD,
    isTruncated: truncated,
    byId: new Map(threads.map((thread) => [thread.id, thread])),
    activity: new Map(activity.map((one) => [one.thread_id, one])),
  };
}

/** What is known of the threads after an event of `thread:*`. Events of one thread's messages come in their order. */
export function reduceThreads(held: HeldThreads, event: EventOf<ThreadEvents>): HeldThreads {
  const id = "thread_id" in event.data ? event.data.thread_id : event.data.id;
  if (held.gone.has(id)) {
    return held;
  }
  switch (event.type) {
    case "thread_created":
    case "thread_updated": {
      const byId = withNewer(held.byId, event.data);
      return byId === held.byId ? held : { ...held, byId };
    }
    case "thread_deleted": {
      const activity = without(held.activity, id);
      return { ...held, byId: without(held.byId, id), activity, gone: withGone(held.gone, id) };
    }
    default: {
      const before = held.activity.get(id) ?? quiet(id);
      const after = reduceActivity(before, event);
      return after === before ? held : { ...held, activity: new Map(held.activity).set(id, after) };
    }
  }
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
      return withRun(activity, event.data.run);
    default:
      return activity;
  }
}

function withRun(activity: ThreadActivity, run: Run): ThreadActivity {
  const last_run = runAfter(activity.last_run, run);
  return last_run === activity.last_run ? activity : { ...activity, last_run };
}

/** The newest run of a thread after one of its runs began or ended; what is told late takes nothing back. */
export function runAfter(last: Run | null, run: Run): Run {
  if (!last || last.id < run.id) {
    return run;
  }
  return last.id > run.id || stageOf(last) >= stageOf(run) ? last : run;
}

function stageOf({ status }: Run): number {
  return { queued: 0, running: 1, done: 2, failed: 2, cancelled: 2 }[status];
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
