import { useEffect, useRef, useState } from "react";
import type { Run } from "../generated/agents";

const SENTENCES: Readonly<Record<Run["status"], string>> = {
  queued: "",
  running: "",
  done: "Answer finished",
  failed: "Answer failed",
  cancelled: "Answer stopped",
};

/** Tells a screen reader how an answer ended, once; its words are there to be read at leisure. */
export function RunAnnouncer({ run }: { readonly run: Run | null }) {
  const known = useRef(run);
  const [sentence, setSentence] = useState("");
  useEffect(() => {
    const before = known.current;
    known.current = run;
    if (run && (before?.id !== run.id || before.status !== run.status)) {
      setSentence(run.status === "failed" && run.error ? `Answer failed: ${run.error}` : SENTENCES[run.status]);
    }
  }, [run]);
  return (
    <div className="visually-hidden" role="status">
      {sentence}
    </div>
  );
}
