import { useCallback, useState } from "react";
import { useConsole } from "../console-context";

/** The message of a thread that is being edited, also after a reload. */
export function useEditing(threadId: number): readonly [number | undefined, (messageId: number | undefined) => void] {
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
  return [editing, change];
}
