import { Button } from "@mantine/core";
import { CircleAlert, Clock } from "lucide-react";
import { memo } from "react";
import { useConsole } from "../console-context";
import { useApp } from "../state/app-state";
import type { OutgoingMessage } from "../state/outgoing";
import { LONG, LongText } from "./long-text";
import classes from "./message.module.css";

interface OutgoingViewProps {
  readonly message: OutgoingMessage;
  /** Put a text back into the field. */
  readonly takeBack: (text: string) => void;
}

/** A message on its way, or one that was refused. */
export const OutgoingView = memo(function OutgoingView({ message, takeBack }: OutgoingViewProps) {
  const { outbox } = useConsole();
  const isConnected = useApp(({ line }) => line.state === "connected");
  const { state, content, clientId } = message;
  const discard = () => takeBack(outbox.discard(clientId) ?? "");
  return (
    <article className={classes["message"]} data-role="user" data-state={state}>
      <span className="visually-hidden">You, {state === "failed" ? "not sent" : "on its way"}:</span>
      <div className={classes["body"]}>
        {content.length > LONG ? <LongText text={content} /> : <div className={classes["plain"]}>{content}</div>}
      </div>
      <div className={classes["state"]} data-state={state} role={state === "failed" ? "alert" : undefined}>
        {state === "failed" ? <CircleAlert size={14} aria-hidden /> : <Clock size={12} aria-hidden />}
        <span>{describe(message, isConnected)}</span>
        {state === "failed" && (
          <Button size="compact-xs" variant="light" onClick={() => outbox.retry(clientId)}>
            Send again
          </Button>
        )}
        {(state === "failed" || state === "held") && (
          <Button size="compact-xs" variant="default" onClick={discard}>
            Back into the field
          </Button>
        )}
      </div>
    </article>
  );
});

function describe({ state, sentence }: OutgoingMessage, isConnected: boolean): string {
  switch (state) {
    case "failed":
      return `Not sent. ${sentence ?? ""}`;
    case "held":
      return "Sent when this answer has ended";
    case "pending":
      return isConnected ? "Sending…" : "Sent when the line is back";
    case "sent":
      return isConnected ? "Sending…" : "Sent; the answer comes when the line is back";
  }
}
