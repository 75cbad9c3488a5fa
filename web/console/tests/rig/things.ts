import type { Agent, Message, Run, Thread } from "../../src/generated/agents";

export const TIME = "2026-05-01T12:00:00.000Z";

export function anAgent(id: number, more: Partial<Agent> = {}): Agent {
  return {
    id,
    name: `Agent ${id}`,
    status: "idle",
    model: "echo",
    system_instructions: "",
    task_instructions: "",
    config: {},
    created_at: TIME,
    updated_at: TIME,
    version: 1,
    ...more,
  };
}

export function aThread(id: number, agent_id: number, more: Partial<Thread> = {}): Thread {
  return { id, agent_id, title: `Thread ${id}`, active: true, created_at: TIME, updated_at: TIME, version: 1, ...more };
}

export function aRun(id: number, thread: Thread, status: Run["status"], more: Partial<Run> = {}): Run {
  const { id: thread_id, agent_id } = thread;
  const times = { created_at: TIME, started_at: TIME, finished_at: TIME };
  return { id, thread_id, agent_id, status, error: null, message_id: null, ...times, ...more };
}

export function aMessage(id: number, thread: Thread, content: string, more: Partial<Message> = {}): Message {
  return { id, thread_id: thread.id, role: "user", content, timestamp: TIME, processed: true, version: 1, ...more };
}
