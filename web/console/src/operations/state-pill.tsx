import type { ReactNode } from "react";
import classes from "./state-pill.module.css";

interface StatePillProps {
  readonly tone: "good" | "busy" | "bad" | "worst";
  readonly children: ReactNode;
}

/** A state in a word or two, with a dot whose colour says how serious it is. */
export function StatePill({ tone, children }: StatePillProps) {
  return (
    <span className={classes["pill"]} data-tone={tone}>
      {children}
    </span>
  );
}
