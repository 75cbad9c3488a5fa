import { useCallback, useEffect, useRef, useState } from "react";
import { useConsole } from "../console-context";

/** Milliseconds of quiet after which a draft is kept. */
const QUIET = 250;

/** A text that outlives the page, kept under a name a moment after each change. */
export function useDraft(name: string): readonly [string, (text: string) => void] {
  const { storage } = useConsole();
  const [text, setText] = useState(() => storage.read(name, ""));
  const waiting = useRef<{ readonly text: string; readonly timer: ReturnType<typeof setTimeout> }>(undefined);

  const keep = useCallback(() => {
    const draft = waiting.current;
    if (!draft) {
      return;
    }
    waiting.current = undefined;
    clearTimeout(draft.timer);
    if (draft.text) {
      storage.write(name, draft.text);
    } else {
      storage.remove(name);
    }
  }, [storage, name]);

  const change = useCallback(
    (changed: string) => {
      setText(changed);
      clearTimeout(waiting.current?.timer);
      waiting.current = { text: changed, timer: setTimeout(keep, QUIET) };
      if (!changed) {
        keep(); // What was sent must not come back with the next page.
      }
    },
    [keep],
  );

  useEffect(() => {
    addEventListener("pagehide", keep);
    return () => {
      removeEventListener("pagehide", keep);
      keep();
    };
  }, [keep]);

  return [text, change];
}
