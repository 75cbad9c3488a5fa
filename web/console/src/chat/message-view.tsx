import { ActionIcon, Tooltip } from "@mantine/core";
import { type LucideIcon, Pencil, RotateCcw } from "lucide-react";
import { memo } from "react";
import type { Message } from "../generated/agents";
import { CopyButton } from "./copy-button";
import { LONG, LongText } from "./long-text";
import { MarkdownText } from "./markdown-text";
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
  /** Whether it is being written. */
  readonly isGrowing: boolean;
}

const SPEAKERS = { user: "You", assistant: "Agent", system: "System" };

/** A message as the server has it. */
export const MessageView = memo(function MessageView({ message, isGrowing, ...rest }: MessageViewProps) {
  const { role, content, id } = message;
  return (
    <article className={classes["message"]} data-role={role} data-message={id} data-streaming={isGrowing || undefined}>
      <span className="visually-hidden">{SPEAKERS[role]}:</span>
      <div className={classes["body"]}>
        <MessageText role={role} content={content} isGrowing={isGrowing} />
      </div>
      {!isGrowing && <MessageFooter message={message} {...rest} />}
    </article>
  );
});

function MessageFooter({ message, now, actions, isLastAnswer }: Omit<MessageViewProps, "isGrowing">) {
  const { role, content, timestamp } = message;
  return (
    <footer className={classes["footer"]} data-stays={isLastAnswer}>
      <time dateTime={timestamp} title={wholeTime(timestamp)}>
        {shortTime(timestamp, now())}
      </time>
      <CopyButton what="message" text={() => content} />
      {role === "user" && actions && (
        <FooterButton name="Edit and send again" icon={Pencil} press={() => actions.edit(message)} />
      )}
      {isLastAnswer && actions && <FooterButton name="Answer again" icon={RotateCcw} press={actions.regenerate} />}
    </footer>
  );
}

interface FooterButtonProps {
  readonly name: string;
  readonly icon: LucideIcon;
  readonly press: () => void;
}

function FooterButton({ name, icon: Icon, press }: FooterButtonProps) {
  return (
    <Tooltip label={name}>
      <ActionIcon variant="subtle" color="gray" size={24} aria-label={name} onClick={() => press()}>
        <Icon size={14} />
      </ActionIcon>
    </Tooltip>
  );
}

function MessageText({
  role,
  content,
  isGrowing,
}: Pick<Message, "role" | "content"> & { readonly isGrowing: boolean }) {
  if (content.length > LONG) {
    // While it grows its end is of interest, later its beginning.
    return isGrowing ? (
      <div className={classes["plain"]}>…{content.slice(-LONG / 10)}</div>
    ) : (
      <LongText text={content} />
    );
  }
  return role === "assistant" ? (
    <MarkdownText text={content} isGrowing={isGrowing} />
  ) : (
    <div className={classes["plain"]}>{content}</div>
  );
}
