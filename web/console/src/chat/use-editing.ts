import { useCallback, useEffect, useState } from "react";
import { useConsole } from "../console-context";
import type { Message } from "../generated/agents";

/** Where what was changed of a message is kept. */
export function editOf(messageId: number): string {
  return `edit ${messageId}`;
}

/**
 * The message of a thread that is being edited, also after a reload.
 *
 * One that somebody deleted meanwhile is edited no more, and `giveBack` is told what was written of it.
 */
export function useEditing(
  threadId: number,
  messages: readonly Message[],
  giveBack: (text: string) => void,
): readonly [number | undefined, (messageId: number | undefined) => void] {
  const { storage } = useConsole();
  const name = `editing ${threadId}`;
  const [editing, setEditing] = useState(() => storage.read<number | undefined>(name, undefined));
  const change = useCallback(
    (messageId: number | undefined) => {
      setEditing(messageId);
      if (messageId === undefined) {
        storage.remove(name);
      } else {
        storage.write(name, messageId);
      }
    },
    [storage, name],
  );
  const isGone = editing !== undefined && isMissing(messages, editing);
  useEffect(() => {
    if (!isGone) {
      return;
    }
    const text = storage.read(editOf(editing), "");
    storage.remove(editOf(editing));
    change(undefined);
    if (text) {
      giveBack(text);
    }
  }, [isGone, editing, storage, change, giveBack]);
  return [editing, change];
}

/** Whether a message is none of these; older ones may not have been loaded. */
function isMissing(messages: readonly Message[], id: number): boolean {
  const first = messages[0];
  return first !== undefined && id >= first.id && !messages.some((message) => message.id === id);
}
