import { Alert, Button, Group, Text } from "@mantine/core";
import { CircleAlert, RotateCcw } from "lucide-react";
import type { AnswerState } from "./answer-state";
import { LONG } from "./long-text";
import classes from "./message.module.css";
import { StreamingText } from "./streaming-text";

interface AnswerViewProps {
  readonly answer: AnswerState;
  readonly isAsking: boolean;
  /** Have the last message answered anew. */
  readonly ask: () => void;
}

/** The answer in progress, or how the last one ended where it did not end well. */
export function AnswerView({ answer, isAsking, ask }: AnswerViewProps) {
  switch (answer.kind) {
    case "nothing":
      return null;
    case "waiting":
      return (
        <div className={classes["dots"]} role="img" aria-label="The agent is thinking">
          <i />
          <i />
          <i />
        </div>
      );
    case "streaming":
      return (
        <article className={classes["message"]} data-role="assistant" data-streaming>
          <span className="visually-hidden">Agent:</span>
          <div className={classes["body"]}>
            {answer.text.length > LONG ? <Tail text={answer.text} /> : <StreamingText text={answer.text} />}
          </div>
        </article>
      );
    case "failed":
      return (
        <Alert
          color="red"
          variant="light"
          className={classes["failure"] ?? ""}
          icon={<CircleAlert size={18} />}
          title="The answer failed"
          my="xs"
        >
          <Text size="sm" mb={8} style={{ overflowWrap: "anywhere" }}>
            {answer.sentence}
          </Text>
          <AskButton name="Try again" isAsking={isAsking} ask={ask} />
        </Alert>
      );
    case "stopped":
      return <Aside text="This answer was stopped." name="Answer again" isAsking={isAsking} ask={ask} />;
    case "unanswered":
      return <Aside text="Nobody answered this message yet." name="Answer it" isAsking={isAsking} ask={ask} />;
  }
}

/** The end of a text that is too long to be shown whole while it grows. */
function Tail({ text }: { readonly text: string }) {
  return <div className={classes["plain"]}>…{text.slice(-LONG / 10)}</div>;
}

interface AskButtonProps {
  readonly name: string;
  readonly isAsking: boolean;
  readonly ask: () => void;
}

function AskButton({ name, isAsking, ask }: AskButtonProps) {
  return (
    <Button
      size="compact-sm"
      variant="default"
      leftSection={<RotateCcw size={14} />}
      loading={isAsking}
      onClick={() => ask()}
    >
      {name}
    </Button>
  );
}

function Aside({ text, ...button }: AskButtonProps & { readonly text: string }) {
  return (
    <Group gap="xs" my="xs">
      <Text size="sm" c="dimmed">
        {text}
      </Text>
      <AskButton {...button} />
    </Group>
  );
}
