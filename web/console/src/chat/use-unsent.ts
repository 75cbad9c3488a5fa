import { useEffect, useState } from "react";
import { useConsole } from "../console-context";
import { useApp } from "../state/app-state";

/** The name under which the draft of a thread is kept. */
export function draftOf(threadId: number): string {
  return `draft ${threadId}`;
}

/** What was written in a thread and not sent, or not taken. */
export function useUnsent(threadId: number): readonly string[] {
  const { storage } = useConsole();
  const outgoing = useApp((state) => state.outgoing);
  const [draft, setDraft] = useState("");
  // The field that it was typed into keeps it when it goes, which is before this.
  useEffect(() => setDraft(storage.read(draftOf(threadId), "")), [storage, threadId]);
  const texts = outgoing.filter((message) => message.threadId === threadId).map(({ content }) => content);
  return draft ? [...texts, draft] : texts;
}
