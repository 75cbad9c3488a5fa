import { Anchor, Button, Stack, Text, Title } from "@mantine/core";
import { Link, Redirect, useSearch } from "wouter";
import type { Thread } from "../generated/agents";
import { whyBehind } from "../shell/line-sentences";
import { PageLoader } from "../shell/page-loader";
import { useApp } from "../state/app-state";
import { newestFirst } from "../state/thread-order";
import { ChatLayout } from "./chat-layout";
import { NewConversation } from "./new-conversation";
import { Notice } from "./thread-states";
import { ThreadView } from "./thread-view";

interface ChatPageProps {
  readonly agentId: number | undefined;
  readonly threadId: number | undefined;
}

/** The threads of an agent, and one of them. */
export default function ChatPage({ agentId, threadId }: ChatPageProps) {
  if (threadId !== undefined) {
    return <ThreadView key={threadId} threadId={threadId} />;
  }
  return agentId === undefined ? <AnyThread /> : <AgentThreads agentId={agentId} />;
}

/** The thread where something happened last, of one agent or of all; undefined while nothing is known. */
function useNewestThread(agentId?: number): Thread | null | undefined {
  return useApp(({ threads: { data, status }, vanishing }) => {
    if (status === "loading") {
      return undefined;
    }
    const compare = newestFirst(data.activity);
    let newest: Thread | null = null;
    for (const thread of data.byId.values()) {
      const isWanted = agentId === undefined ? !vanishing.agents.has(thread.agent_id) : thread.agent_id === agentId;
      if (isWanted && !vanishing.threads.has(thread.id) && (!newest || compare(thread, newest) < 0)) {
        newest = thread;
      }
    }
    return newest;
  });
}

/** The newest thread of all; who has none chooses an agent. */
function AnyThread() {
  const newest = useNewestThread();
  if (newest === undefined) {
    return <Waiting />;
  }
  return newest ? <Redirect to={`/threads/${newest.id}`} replace /> : <ChooseAgent />;
}

/** The newest thread of an agent, or the beginning of one. */
function AgentThreads({ agentId }: { readonly agentId: number }) {
  const isNew = new URLSearchParams(useSearch()).has("new");
  const agent = useApp(({ agents }) => agents.data.get(agentId));
  const isKnown = useApp(({ agents }) => agents.status === "live" || agents.status === "failed");
  const newest = useNewestThread(agentId);
  if (!agent) {
    return isKnown ? <NoAgent agentId={agentId} /> : <Waiting />;
  }
  if (newest === undefined) {
    return <Waiting />;
  }
  if (newest && !isNew) {
    return <Redirect to={`/threads/${newest.id}`} replace />;
  }
  return (
    <ChatLayout agentId={agentId} threadId={undefined} title="New thread">
      <NewConversation agent={agent} />
    </ChatLayout>
  );
}

function Waiting() {
  const line = useApp((state) => state.line);
  const isDown = line.state !== "connected" && line.state !== "connecting";
  return (
    <Stack gap={0}>
      <Title order={1} className="visually-hidden">
        Chat
      </Title>
      <PageLoader />
      {isDown && (
        <Text c="dimmed" ta="center" role="status">
          {whyBehind(line)} Your threads are shown when the line is back.
        </Text>
      )}
    </Stack>
  );
}

function NoAgent({ agentId }: { readonly agentId: number }) {
  return (
    <ChatLayout agentId={undefined} threadId={undefined}>
      <Notice
        title="There is no such agent"
        text={`Agent ${agentId} does not exist; somebody may have deleted it, or the address is mistyped.`}
      >
        <Anchor component={Link} href="/">
          To the dashboard
        </Anchor>
      </Notice>
    </ChatLayout>
  );
}

/** The agents that one could talk to. */
function ChooseAgent() {
  const agents = useApp((state) => state.agents.data);
  const vanishing = useApp((state) => state.vanishing.agents);
  const shown = [...agents.values()].filter(({ id }) => !vanishing.has(id));
  return (
    <ChatLayout agentId={undefined} threadId={undefined}>
      <Notice
        title={shown.length ? "Whom do you want to talk to?" : "There is nobody to talk to yet"}
        text={shown.length ? "There is no thread yet; choose an agent." : "Create a first agent on the dashboard."}
      >
        <Stack gap="xs" align="flex-start">
          {shown.map(({ id, name }) => (
            <Button key={id} component={Link} href={`/agents/${id}`} variant="default">
              {name}
            </Button>
          ))}
          {!shown.length && (
            <Button component={Link} href="/">
              To the dashboard
            </Button>
          )}
        </Stack>
      </Notice>
    </ChatLayout>
  );
}
