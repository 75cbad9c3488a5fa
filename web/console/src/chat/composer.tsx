import { ActionIcon, Text, Tooltip } from "@mantine/core";
import { ArrowUp, Square } from "lucide-react";
import { type KeyboardEvent, type Ref, useState } from "react";
import { sizeTrouble } from "../state/message-size";
import classes from "./composer.module.css";

interface ComposerProps {
  readonly text: string;
  readonly change: (text: string) => void;
  /** Send what stands in the field; the caller empties it. */
  readonly send: (text: string) => void;
  /** Stop the answer in progress, if there is one. */
  readonly stop?: (() => void) | undefined;
  readonly editLast?: (() => void) | undefined;
  /** Why the last try failed. */
  readonly trouble?: string | undefined;
  readonly isSending?: boolean;
  readonly field?: Ref<HTMLTextAreaElement>;
  readonly placeholder: string;
}

/** Whether a key belongs to an input method that is putting a character together. */
export function isComposing({ nativeEvent }: KeyboardEvent): boolean {
  return nativeEvent.isComposing || nativeEvent.keyCode === 229;
}

/** The field in which one writes a message. */
export function Composer(props: ComposerProps) {
  const { text, change, send, stop, editLast, isSending = false } = props;
  const [tooLarge, setTooLarge] = useState<string>();
  const trouble = tooLarge ?? props.trouble;
  const isBlank = text.trim() === "";
  const submit = () => {
    if (isBlank || isSending) {
      return;
    }
    const sentence = sizeTrouble(text);
    setTooLarge(sentence);
    if (!sentence) {
      send(text);
    }
  };
  const press = (event: KeyboardEvent) => {
    if (isComposing(event)) {
      return;
    }
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      submit();
    } else if (event.key === "ArrowUp" && text === "" && editLast) {
      event.preventDefault();
      editLast();
    }
  };
  return (
    <div className={classes["composer"]}>
      <div className={classes["box"]}>
        <textarea
          ref={props.field}
          className={classes["field"]}
          rows={1}
          value={text}
          placeholder={props.placeholder}
          aria-label="Message"
          aria-invalid={trouble !== undefined}
          aria-describedby={trouble === undefined ? undefined : "composer-trouble"}
          enterKeyHint="send"
          onChange={(event) => {
            setTooLarge(undefined);
            change(event.currentTarget.value);
          }}
          onKeyDown={press}
        />
        {stop && (
          <Tooltip label="Stop the answer (Esc)">
            <ActionIcon variant="default" size="lg" radius="md" aria-label="Stop the answer" onClick={stop}>
              <Square size={14} fill="currentColor" />
            </ActionIcon>
          </Tooltip>
        )}
        {(!stop || !isBlank) && (
          <Tooltip label={stop ? "Send when the answer has ended (Enter)" : "Send (Enter)"}>
            <ActionIcon size="lg" radius="md" aria-label="Send" disabled={isBlank} loading={isSending} onClick={submit}>
              <ArrowUp size={18} />
            </ActionIcon>
          </Tooltip>
        )}
      </div>
      {trouble !== undefined && (
        <Text id="composer-trouble" role="alert" size="sm" c="red" className={classes["trouble"] ?? ""}>
          {trouble}
        </Text>
      )}
    </div>
  );
}
