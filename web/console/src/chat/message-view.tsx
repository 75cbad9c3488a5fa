import { ActionIcon, Tooltip } from "@mantine/core";
import { Pencil, RotateCcw } from "lucide-react";
import { memo } from "react";
import type { Message } from "../generated/agents";
import { CopyButton } from "./copy-button";
import { LONG, LongText } from "./long-text";
import { Markdown } from "./markdown";
import classes from "./message.module.css";
import { shortTime, wholeTime } from "./times";

export interface MessageActions {
  /** Put one of the user's messages into a field, to be sent again. */
  readonly edit: (message: Message) => void;
  /** Have the last answer made anew. */
  readonly regenerate: () => void;
}

interface MessageViewProps {
  readonly message: Message;
  readonly now: () => number;
  /** What can be done; nothing while the thread is being answered. */
  readonly actions: MessageActions | undefined;
  /** Whether it is the last answer. */
  readonly isLastAnswer: boolean;
}

const SPEAKERS = { user: "You", assistant: "Agent", system: "System" };

/** A message as the server has it. */
export const MessageView = memo(function MessageView({ message, now, actions, isLastAnswer }: MessageViewProps) {
  const { role, content, timestamp } = message;
  return (
    <article className={classes["message"]} data-role={role} data-message={message.id}>
      <span className="visually-hidden">{SPEAKERS[role]}:</span>
      <div className={classes["body"]}>
        <MessageText role={role} content={content} />
      </div>
      <footer className={classes["footer"]} data-stays={isLastAnswer}>
        <time dateTime={timestamp} title={wholeTime(timestamp)}>
          {shortTime(timestamp, now())}
        </time>
        <CopyButton what="message" text={() => content} />
        {role === "user" && actions && (
          <Tooltip label="Edit and send again">
            <ActionIcon
              variant="subtle"
              color="gray"
              size={24}
              aria-label="Edit and send again"
              onClick={() => actions.edit(message)}
            >
              <Pencil size={14} />
            </ActionIcon>
          </Tooltip>
        )}
        {isLastAnswer && actions && (
          <Tooltip label="Answer again">
            <ActionIcon
              variant="subtle"
              color="gray"
              size={24}
              aria-label="Answer again"
              onClick={() => actions.regenerate()}
            >
              <RotateCcw size={14} />
            </ActionIcon>
          </Tooltip>
        )}
      </footer>
    </article>
  );
});

function MessageText({ role, content }: Pick<Message, "role" | "content">) {
  if (content.length > LONG) {
    return <LongText text={content} />;
  }
  return role === "assistant" ? <Markdown text={content} /> : <div className={classes["plain"]}>{content}</div>;
}
