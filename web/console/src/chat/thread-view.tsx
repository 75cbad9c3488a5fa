import { useCallback, useState } from "react";
import { ChatViewWsManager } from "../managers/chat-view-ws-manager";
import { useManager } from "../managers/use-manager";
import { type App, useApp } from "../state/app-state";
import { NO_CONVERSATION } from "../state/conversation";
import { titleOf } from "../state/titles";
import { ChatLayout } from "./chat-layout";
import { Conversation } from "./conversation";
import { DeletedThread, FailedThread, LoadingThread } from "./thread-states";

/** One thread, beside the other threads of its agent. */
export function ThreadView({ threadId }: { readonly threadId: number }) {
  const [attempt, setAttempt] = useState(0);
  return <OneAttempt key={attempt} threadId={threadId} tryAgain={() => setAttempt(attempt + 1)} />;
}

function OneAttempt({ threadId, tryAgain }: { readonly threadId: number; readonly tryAgain: () => void }) {
  const make = useCallback((app: App) => new ChatViewWsManager(app, threadId), [threadId]);
  const manager = useManager(make);
  const view = useApp(({ conversations }) => conversations.get(threadId));
  const listed = useApp(({ threads }) => threads.data.byId.get(threadId));
  const { data, status, error } = view ?? { data: NO_CONVERSATION, status: "loading" as const };
  const thread = listed ?? data.thread;
  const agentId = thread?.agent_id;
  const isShown =
    status !== "failed" && !data.isDeleted && data.thread !== null && thread !== undefined && thread !== null;
  return (
    <ChatLayout agentId={agentId} threadId={threadId} title={isShown ? titleOf(thread) : undefined}>
      {status === "failed" ? (
        <FailedThread threadId={threadId} error={error} tryAgain={tryAgain} />
      ) : data.isDeleted ? (
        <DeletedThread threadId={threadId} agentId={agentId} />
      ) : isShown ? (
        <Conversation manager={manager} conversation={data} />
      ) : (
        <LoadingThread />
      )}
    </ChatLayout>
  );
}
