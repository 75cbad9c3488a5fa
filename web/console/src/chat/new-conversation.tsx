import { useHotkeys } from "@mantine/hooks";
import { useRef, useState } from "react";
import { useLocation } from "wouter";
import { sentenceOf } from "../api/failure";
import { rest } from "../api/rest";
import { useConsole } from "../console-context";
import type { Agent } from "../generated/agents";
import { titleFrom } from "../state/titles";
import { Composer } from "./composer";
import classes from "./conversation.module.css";
import { useDraft } from "./use-draft";
import { TO_WRITE, useFocusWhenAsked } from "./use-focus";

/** A conversation before its first message, which makes the thread. */
export function NewConversation({ agent }: { readonly agent: Agent }) {
  const { outbox } = useConsole();
  const [, navigate] = useLocation();
  const field = useRef<HTMLTextAreaElement>(null);
  const [draft, changeDraft] = useDraft(`draft of agent ${agent.id}`);
  const [trouble, setTrouble] = useState<string>();
  const [isSending, setIsSending] = useState(false);
  useFocusWhenAsked(field, true);
  useHotkeys([["/", () => field.current?.focus()]]);
  const send = async (text: string) => {
    setIsSending(true);
    setTrouble(undefined);
    try {
      const thread = await rest.createThread(agent.id, titleFrom(text));
      outbox.send(thread.id, text);
      changeDraft("");
      navigate(`/threads/${thread.id}`, { replace: true, ...TO_WRITE });
    } catch (error) {
      setTrouble(sentenceOf(error));
      setIsSending(false);
    }
  };
  return (
    <>
      <div className={classes["blank"]}>
        <p className={classes["empty"]}>
          This is a new thread with <strong>{agent.name}</strong>. Your first message opens it.
        </p>
      </div>
      <Composer
        field={field}
        text={draft}
        change={(text) => {
          setTrouble(undefined);
          changeDraft(text);
        }}
        send={send}
        isSending={isSending}
        trouble={trouble}
        placeholder={`Write to ${agent.name}`}
      />
    </>
  );
}
