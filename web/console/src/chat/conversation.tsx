import { useHotkeys } from "@mantine/hooks";
import { useCallback, useMemo, useRef, useState } from "react";
import { useConsole } from "../console-context";
import type { Message } from "../generated/agents";
import type { ChatViewWsManager } from "../managers/chat-view-ws-manager";
import { useApp } from "../state/app-state";
import type { Conversation as ConversationData } from "../state/conversation";
import { answerStateOf, lastQuestion, stoppableRun, withStreaming } from "./answer-state";
import { AnswerView } from "./answer-view";
import { Composer } from "./composer";
import classes from "./conversation.module.css";
import { EditForm } from "./edit-form";
import { MessageList } from "./message-list";
import { type MessageActions, MessageView } from "./message-view";
import { OutgoingView } from "./outgoing-view";
import { RunAnnouncer } from "./run-announcer";
import { useAction } from "./use-action";
import { useDraft } from "./use-draft";
import { useEditing } from "./use-editing";
import { useFocusWhenAsked } from "./use-focus";
import { useLooking } from "./use-looking";
import { useNaming } from "./use-naming";
import { useOlderMessages } from "./use-older-messages";
import { draftOf } from "./use-unsent";

interface ConversationProps {
  readonly manager: ChatViewWsManager;
  readonly conversation: ConversationData;
}

/** The messages of a thread, and the field for the next one. */
export function Conversation({ manager, conversation }: ConversationProps) {
  const { threadId } = manager;
  const { clock } = useConsole();
  const field = useRef<HTMLTextAreaElement>(null);
  const [draft, changeDraft] = useDraft(draftOf(threadId));
  const [isAtEnd, setIsAtEnd] = useState(true);
  const [sendings, setSendings] = useState(0);
  const older = useOlderMessages(threadId, conversation);
  const { messages } = older;
  const takeBack = useCallback(
    (text: string) => {
      const now = field.current?.value ?? "";
      changeDraft(now ? `${now}\n${text}` : text);
      field.current?.focus();
    },
    [changeDraft],
  );
  const [editing, setEditing] = useEditing(threadId, messages, takeBack);
  const shown = useMemo(() => withStreaming(conversation, messages), [conversation, messages]);
  const outgoing = useOutgoing(threadId, messages);
  const answer = answerStateOf(conversation);
  const running = stoppableRun(conversation);
  const asking = useAction("Not asked again");
  const stopping = useAction("Not stopped");
  const question = lastQuestion(messages);
  const nameLater = useNaming(conversation);
  useFocusWhenAsked(field);
  useLooking(manager, conversation.messages.at(-1)?.id, isAtEnd);

  const ask = useCallback(() => {
    if (question) {
      asking.run(() => manager.resend(question.id));
    }
  }, [asking.run, manager, question]);
  const actions = useMemo(
    (): MessageActions => ({ edit: ({ id }) => setEditing(id), regenerate: ask }),
    [ask, setEditing],
  );
  const stop = running === undefined ? undefined : () => stopping.run(() => manager.stop(running));
  // Other fields have uses of their own for this key.
  useHotkeys([["Escape", () => isSomethingOver() || stop?.()]], ["INPUT"]);
  useHotkeys([["/", () => field.current?.focus()]]);

  const send = (text: string) => {
    manager.send(text);
    nameLater();
    changeDraft("");
    setSendings(sendings + 1);
  };
  const closeEditing = () => {
    setEditing(undefined);
    field.current?.focus();
  };
  const isFree = running === undefined;
  const lastId = messages.at(-1)?.id;
  const render = (message: Message) =>
    message.id === editing ? (
      <EditForm
        key={message.id}
        message={message}
        resend={(content) => manager.resend(message.id, content)}
        close={closeEditing}
      />
    ) : (
      <MessageView
        key={message.id}
        message={message}
        now={clock.now}
        actions={isFree ? actions : undefined}
        isLastAnswer={message.id === lastId && message.role === "assistant"}
        isGrowing={message.id === conversation.streaming?.messageId}
      />
    );
  return (
    <>
      <MessageList messages={shown} render={render} atEnd={setIsAtEnd} older={older} goToEnd={sendings}>
        {!messages.length && !outgoing.length && (
          <p className={classes["empty"]}>Nothing was said here yet. Write the first message below.</p>
        )}
        <AnswerView answer={answer} isAsking={asking.isDoing} ask={ask} />
        {outgoing.map((message) => (
          <OutgoingView key={message.clientId} message={message} takeBack={takeBack} />
        ))}
      </MessageList>
      <RunAnnouncer run={conversation.lastRun} />
      <Composer
        field={field}
        text={draft}
        change={changeDraft}
        send={send}
        stop={stop}
        editLast={isFree && question ? () => setEditing(question.id) : undefined}
        placeholder="Write a message"
      />
    </>
  );
}

/** What this browser has on its way to a thread, without what the thread shows already. */
function useOutgoing(threadId: number, messages: readonly Message[]) {
  const outgoing = useApp((state) => state.outgoing);
  return useMemo(() => {
    const own = outgoing.filter((message) => message.threadId === threadId);
    const shown = own.length ? new Set(messages.map(({ client_id }) => client_id)) : undefined;
    return own.filter(({ clientId }) => !shown?.has(clientId));
  }, [outgoing, threadId, messages]);
}

/** Whether a dialog or a menu is over the page, which the key closes. */
function isSomethingOver(): boolean {
  return document.querySelector('[role="dialog"], [role="menu"]') !== null;
}
