import type { EventOf } from "@trunkline/client/state";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Agent, AgentEvents, Message, Run, Thread, ThreadEvents } from "../../src/generated/agents";
import {
  agentsOf,
  type HeldThreads,
  isRunning,
  NO_AGENTS,
  NO_THREADS,
  reduceAgents,
  reduceThreads,
  runAfter,
  summarize,
  threadsOf,
} from "../../src/state/entities";

const TIME = "2026-05-01T12:00:00.000Z";

function agent(id: number, version: number): Agent {
  return {
    id,
    version,
    name: `Agent ${id} at ${version}`,
    status: "idle",
    model: "",
    system_instructions: "",
    task_instructions: "",
    config: {},
    created_at: TIME,
    updated_at: TIME,
  };
}

function thread(id: number, version: number, agent_id = 1): Thread {
  return { id, version, agent_id, title: `at ${version}`, active: true, created_at: TIME, updated_at: TIME };
}

function message(id: number, role: Message["role"] = "user", thread_id = 1): Message {
  return { id, thread_id, role, content: "", timestamp: TIME, processed: true, version: 1 };
}

function run(id: number, status: Run["status"], thread_id = 1): Run {
  return {
    id,
    thread_id,
    agent_id: 1,
    status,
    error: null,
    message_id: null,
    created_at: TIME,
    started_at: null,
    finished_at: null,
  };
}

function event<Type extends keyof (AgentEvents & ThreadEvents)>(
  topic: string,
  type: Type,
  data: (AgentEvents & ThreadEvents)[Type],
) {
  return { kind: "event", topic, type, data, id: "", time: TIME, seq: 1, feedSeq: 1 } as const;
}

function agentEvent(type: keyof AgentEvents, id: number, version: number): EventOf<AgentEvents> {
  return event("agent:*", type, agent(id, version)) as unknown as EventOf<AgentEvents>;
}

function threadEvent<Type extends keyof ThreadEvents>(type: Type, data: ThreadEvents[Type]): EventOf<ThreadEvents> {
  return event("thread:*", type, data as never) as unknown as EventOf<ThreadEvents>;
}

function threadsAfter(events: readonly EventOf<ThreadEvents>[], held: HeldThreads = NO_THREADS): HeldThreads {
  return events.reduce(reduceThreads, held);
}

/** The lives of some things: each with its newest version, and whether it was deleted after that. */
const lives = fc.uniqueArray(
  fc.record({ id: fc.integer({ min: 1, max: 6 }), newest: fc.integer({ min: 1, max: 5 }), isDeleted: fc.boolean() }),
  { selector: ({ id }) => id },
);

/** What was told of these lives, in any order, and any of it more than once. */
function told<Told>(all: readonly Told[]): fc.Arbitrary<readonly Told[]> {
  return fc
    .tuple(
      fc.shuffledSubarray([...all], { minLength: all.length }),
      fc.array(fc.nat({ max: Math.max(0, all.length - 1) })),
    )
    .map(([shuffled, again]) => [...shuffled, ...again.flatMap((place) => all[place] ?? [])]);
}

describe("agents", () => {
  test("any order and repetition of events leads to the newest version of what was not deleted", () => {
    const stories = lives.chain((all) =>
      told(
        all.flatMap(({ id, newest, isDeleted }) => [
          agentEvent("agent_created", id, 1),
          ...Array.from({ length: newest - 1 }, (_, index) => agentEvent("agent_updated", id, index + 2)),
          ...(isDeleted ? [agentEvent("agent_deleted", id, newest + 1)] : []),
        ]),
      ).map((events) => ({ all, events })),
    );
    fc.assert(
      fc.property(stories, ({ all, events }) => {
        const { byId } = events.reduce(reduceAgents, NO_AGENTS);
        const left = all.filter(({ isDeleted }) => !isDeleted);
        expect(new Map([...byId].map(([id, { version }]) => [id, version]))).toEqual(
          new Map(left.map(({ id, newest }) => [id, newest])),
        );
      }),
    );
  });

  test("an event whose effect is held changes nothing, so nothing is shown anew", () => {
    const held = agentsOf({ agents: [agent(1, 3)], truncated: false });
    expect(reduceAgents(held, agentEvent("agent_updated", 1, 3))).toBe(held);
    expect(reduceAgents(held, agentEvent("agent_updated", 1, 2))).toBe(held);
    const gone = reduceAgents(held, agentEvent("agent_deleted", 1, 4));
    expect(reduceAgents(gone, agentEvent("agent_deleted", 1, 4))).toBe(gone);
  });

  test("a list that leaves older ones out says so", () => {
    expect(agentsOf({ agents: [], truncated: true }).isTruncated).toBe(true);
    expect(threadsOf({ threads: [], activity: [], truncated: true }).isTruncated).toBe(true);
  });
});

describe("threads", () => {
  test("any order and repetition of events leads to the newest version of what was not deleted", () => {
    const stories = lives.chain((all) =>
      told(
        all.flatMap(({ id, newest, isDeleted }) => [
          threadEvent("thread_created", thread(id, 1)),
          ...Array.from({ length: newest - 1 }, (_, index) => threadEvent("thread_updated", thread(id, index + 2))),
          threadEvent("thread_message_created", message(id, "user", id)),
          ...(isDeleted ? [threadEvent("thread_deleted", thread(id, newest + 1))] : []),
        ]),
      ).map((events) => ({ all, events })),
    );
    fc.assert(
      fc.property(stories, ({ all, events }) => {
        const { byId, activity } = threadsAfter(events);
        const left = all.filter(({ isDeleted }) => !isDeleted);
        expect(new Map([...byId].map(([id, { version }]) => [id, version]))).toEqual(
          new Map(left.map(({ id, newest }) => [id, newest])),
        );
        expect([...activity.keys()].sort()).toEqual(left.map(({ id }) => id).sort());
      }),
    );
  });

  test("messages are counted once each, however often the end of their story is told again", () => {
    const stories = fc
      .tuple(fc.integer({ min: 1, max: 20 }), fc.array(fc.nat({ max: 19 })))
      .map(([length, rewinds]) => ({ length, rewinds: rewinds.map((back) => Math.min(back, length - 1)) }));
    fc.assert(
      fc.property(stories, ({ length, rewinds }) => {
        const events = Array.from({ length }, (_, index) =>
          threadEvent("thread_message_created", message(index + 1, index % 2 ? "assistant" : "user")),
        );
        const retold = [...events, ...rewinds.flatMap((from) => events.slice(from))];
        expect(threadsAfter(retold).activity.get(1)).toEqual({
          thread_id: 1,
          messages: length,
          last_message_id: length,
          last_role: length % 2 ? "user" : "assistant",
          last_run: null,
        });
      }),
    );
  });

  test("a deleted message is counted no more, and one that is asked anew is the last", () => {
    const events = [
      threadEvent("thread_message_created", message(1)),
      threadEvent("thread_message_created", message(2, "assistant")),
      threadEvent("thread_message_deleted", { id: 2, thread_id: 1, version: 2 }),
    ];
    const held = threadsAfter(events);
    expect(held.activity.get(1)).toMatchObject({ messages: 1, last_role: null });
    const asked = reduceThreads(held, threadEvent("thread_message_updated", message(1)));
    expect(asked.activity.get(1)).toMatchObject({ messages: 1, last_message_id: 1, last_role: "user" });
  });

  test("any order of a thread's runs leads to the newest, as far as it got", () => {
    const ends = ["done", "failed", "cancelled"] as const;
    const stories = fc
      .array(fc.constantFrom(...ends), { minLength: 1, maxLength: 4 })
      .chain((statuses) =>
        told(
          statuses.flatMap((status, index) => [
            run(index + 1, "queued"),
            run(index + 1, "running"),
            run(index + 1, status),
          ]),
        ).map((runs) => ({ statuses, runs })),
      );
    fc.assert(
      fc.property(stories, ({ statuses, runs }) => {
        const last = runs.reduce<Run | null>(runAfter, null);
        expect(last).toEqual(run(statuses.length, statuses[statuses.length - 1] ?? "done"));
      }),
    );
  });

  test("a thread is being answered from the run's start to its end", () => {
    const at = { run_id: 1, thread_id: 1, agent_id: 1 };
    const started = threadsAfter([threadEvent("run_started", { ...at, run: run(1, "running") })]);
    expect(isRunning(started.activity.get(1))).toBe(true);
    const ended = threadEvent("run_finished", { ...at, status: "failed", run: run(1, "failed") });
    const finished = reduceThreads(started, ended);
    expect(isRunning(finished.activity.get(1))).toBe(false);
    expect(reduceThreads(finished, ended)).toBe(finished);
  });
});

test("agents are told with their threads, their answers in progress and their newest run", () => {
  const activity = [
    { thread_id: 1, messages: 2, last_message_id: 2, last_role: "assistant" as const, last_run: run(5, "failed", 1) },
    { thread_id: 2, messages: 1, last_message_id: 3, last_role: "user" as const, last_run: run(6, "running", 2) },
    { thread_id: 3, messages: 1, last_message_id: 4, last_role: "user" as const, last_run: run(4, "queued", 3) },
    { thread_id: 4, messages: 0, last_message_id: null, last_role: null, last_run: null },
  ];
  const threads = [thread(1, 1), thread(2, 1), thread(3, 1), thread(4, 1, 2)];
  expect(summarize(threadsOf({ threads, activity, truncated: false }))).toEqual(
    new Map([
      [1, { threads: 3, running: 2, lastRun: run(6, "running", 2) }],
      [2, { threads: 1, running: 0, lastRun: null }],
    ]),
  );
});
