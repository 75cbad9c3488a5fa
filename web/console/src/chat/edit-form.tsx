import { Button, Group, Text, Textarea } from "@mantine/core";
import { type KeyboardEvent, useState } from "react";
import { sentenceOf } from "../api/failure";
import type { Message } from "../generated/agents";
import { sizeTrouble } from "../state/message-size";
import { isComposing } from "./composer";
import { useDraft } from "./use-draft";
import { editOf } from "./use-editing";

interface EditFormProps {
  readonly message: Message;
  readonly resend: (content: string) => Promise<void>;
  readonly close: () => void;
}

/** One of the user's messages, to be changed and sent again; what follows it in the thread goes. */
export function EditForm({ message, resend, close }: EditFormProps) {
  const [draft, change] = useDraft(editOf(message.id));
  const [hasChanged, setHasChanged] = useState(draft !== "");
  const [trouble, setTrouble] = useState<string>();
  const [isSending, setIsSending] = useState(false);
  const text = hasChanged ? draft : message.content;
  const giveUp = () => {
    change("");
    close();
  };
  const submit = async () => {
    if (!text.trim() || isSending) {
      return;
    }
    const tooLarge = sizeTrouble(text);
    setTrouble(tooLarge);
    if (tooLarge) {
      return;
    }
    setIsSending(true);
    try {
      await resend(text);
      giveUp();
    } catch (error) {
      setTrouble(sentenceOf(error));
      setIsSending(false);
    }
  };
  const press = (event: KeyboardEvent) => {
    if (isComposing(event)) {
      return;
    }
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      giveUp();
    }
  };
  return (
    <form
      aria-label="Edit and send again"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <Textarea
        aria-label="Message, edited"
        autosize
        minRows={2}
        maxRows={14}
        autoFocus
        value={text}
        error={trouble}
        onChange={(event) => {
          setHasChanged(true);
          change(event.currentTarget.value);
        }}
        onKeyDown={press}
      />
      <Group justify="space-between" gap="xs" mt={6}>
        <Text size="xs" c="dimmed">
          What follows this message is replaced by a new answer.
        </Text>
        <Group gap="xs">
          <Button size="compact-sm" variant="default" onClick={giveUp}>
            Cancel
          </Button>
          <Button size="compact-sm" type="submit" loading={isSending} disabled={!text.trim()}>
            Send again
          </Button>
        </Group>
      </Group>
    </form>
  );
}
