import { Alert, Button, Group, Modal, Stack, Textarea } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { sentenceOf } from "../api/failure";
import { useConsole } from "../console-context";
import type { Agent } from "../generated/agents";
import { useStored } from "../shell/use-stored";
import { ask, tellRunning } from "./run-agent";

interface AskModalProps {
  /** The agent to ask, which has no task of its own; null for none. */
  readonly agent: Agent | null;
  readonly close: () => void;
}

/** Asks for what to ask an agent. */
export function AskModal({ agent, close }: AskModalProps) {
  return (
    <Modal
      opened={agent !== null}
      onClose={close}
      title={agent ? `Run “${agent.name}”` : ""}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      {agent && <Question key={agent.id} agent={agent} close={close} />}
    </Modal>
  );
}

function Question({ agent, close }: { readonly agent: Agent; readonly close: () => void }) {
  const app = useConsole();
  const [message, setMessage] = useStored(`question to agent ${agent.id}`, "");
  const [failure, setFailure] = useState<string>();
  const [isAsking, setAsking] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!message.trim() || isAsking) {
      return;
    }
    setAsking(true);
    try {
      tellRunning(agent, await ask(app, agent.id, message));
      app.storage.remove(`question to agent ${agent.id}`);
      close();
    } catch (error) {
      setFailure(sentenceOf(error));
      setAsking(false);
    }
  };
  return (
    <form onSubmit={submit} aria-label="Run">
      <Stack gap="sm">
        {failure && (
          <Alert color="red" role="alert" title="Not asked">
            {failure}
          </Alert>
        )}
        <Textarea
          label="Message"
          description="This agent has no task instructions, so it needs to be told what to do."
          data-autofocus
          autosize
          minRows={3}
          maxRows={12}
          value={message}
          onChange={(event) => setMessage(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) {
              event.currentTarget.form?.requestSubmit();
            }
          }}
        />
        <Group justify="flex-end">
          <Button type="submit" loading={isAsking} disabled={!message.trim()}>
            Run
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
