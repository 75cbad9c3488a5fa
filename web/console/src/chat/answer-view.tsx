import { Alert, Button, Group, Text } from "@mantine/core";
import { CircleAlert, RotateCcw } from "lucide-react";
import type { AnswerState } from "./answer-state";
import classes from "./message.module.css";

interface AnswerViewProps {
  readonly answer: AnswerState;
  readonly isAsking: boolean;
  /** Have the last message answered anew. */
  readonly ask: () => void;
}

/** That an answer is waited for, or how the last one ended where it did not end well. */
export function AnswerView({ answer, isAsking, ask }: AnswerViewProps) {
  switch (answer.kind) {
    case "nothing":
    case "streaming":
      return null;
    case "waiting":
      return (
        <div className={classes["dots"]} role="img" aria-label="The agent is thinking">
          <i />
          <i />
          <i />
        </div>
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
