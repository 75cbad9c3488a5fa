import { useCallback, useEffect, useRef } from "react";
import { rest } from "../api/rest";
import type { Conversation } from "../state/conversation";
import { titleFrom } from "../state/titles";

/** Names an untitled thread after its first message, once the server has that; returns what says that one was sent. */
export function useNaming({ thread, messages }: Conversation): () => void {
  const isWanted = useRef(false);
  const first = messages[0]?.content;
  const isUntitled = thread !== null && thread.title.trim() === "";
  const id = thread?.id;
  useEffect(() => {
    if (isWanted.current && isUntitled && id !== undefined && first !== undefined) {
      isWanted.current = false;
      // A thread without a title is shown by its number; nothing is lost if it stays so.
      rest.renameThread(id, titleFrom(first)).catch(() => {});
    }
  }, [id, isUntitled, first]);
  return useCallback(() => {
    isWanted.current = true;
  }, []);
}
