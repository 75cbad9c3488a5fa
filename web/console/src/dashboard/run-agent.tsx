import { Anchor, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { Link } from "wouter";
import { rest } from "../api/rest";
import type { Agent, Thread } from "../generated/agents";
import type { App } from "../state/app-state";
import { titleFrom } from "../state/titles";

/** Ask an agent something in a thread of its own. Throws `Failure` if that could not be begun. */
export async function ask(app: App, agentId: number, message: string): Promise<Thread> {
  const thread = await rest.createThread(agentId, titleFrom(message));
  app.outbox.send(thread.id, message);
  return thread;
}

/** Say that an agent works, and offer to watch it. */
export function tellRunning(agent: Agent, thread: Thread): void {
  const toast = `run in thread ${thread.id}`;
  notifications.show({
    id: toast,
    autoClose: 8_000,
    message: (
      <Text size="sm">
        “{agent.name}” is asked.{" "}
        <Anchor component={Link} href={`/threads/${thread.id}`} onClick={() => notifications.hide(toast)}>
          Open the thread
        </Anchor>
      </Text>
    ),
  });
}
