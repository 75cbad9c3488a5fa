import { Tooltip } from "@mantine/core";
import { Pencil, Play, Trash2 } from "lucide-react";
import type { Agent, Run } from "../generated/agents";
import { RelativeTime } from "../shell/relative-time";
import classes from "./agent-parts.module.css";
import { type AgentRow, type AgentStatus, outcomeOf, timeOfRun } from "./agent-rows";

// Plain elements: a list has hundreds of each.

const STATUS_WORDS: Readonly<Record<AgentStatus, string>> = { idle: "Idle", running: "Running", error: "Error" };

/** What an agent does, and how many answers it is giving. */
export function Status({ status, running }: { readonly status: AgentStatus; readonly running: number }) {
  const answers = `${running} ${running === 1 ? "answer" : "answers"} in progress`;
  return (
    <span className={classes["status"]} data-status={status}>
      <span className={classes["dot"]} aria-hidden />
      {STATUS_WORDS[status]}
      {running > 0 && (
        <span className={classes["count"]} title={answers}>
          <span aria-hidden>{running}</span>
          <span className="visually-hidden">, {answers}</span>
        </span>
      )}
    </span>
  );
}

/** How and when the last run ended; why, on hover and on focus, if it failed. */
export function LastRun({ run }: { readonly run: Run | null }) {
  if (!run) {
    return <span className={classes["faint"]}>Never</span>;
  }
  const words = (
    <>
      <span className={classes["outcome"]}>{outcomeOf(run)}</span>
      <span className={classes["faint"]}>
        <RelativeTime time={timeOfRun(run)} />
      </span>
    </>
  );
  if (run.status !== "failed") {
    return (
      <span className={classes["run"]} data-status={run.status}>
        {words}
      </span>
    );
  }
  const why = run.error || "It failed, and nothing was said of why.";
  return (
    <Tooltip label={why} multiline maw={360} events={{ hover: true, focus: true, touch: true }}>
      <button type="button" className={`${classes["bare"]} ${classes["run"]}`} data-status={run.status}>
        {words}
        <span className="visually-hidden">{why}</span>
      </button>
    </Tooltip>
  );
}

/** The model that answers, and whether the agent left the choice to the server. */
export function Model({ agent, model }: Pick<AgentRow, "agent" | "model">) {
  if (agent.model) {
    return (
      <span className={classes["model"]} title={agent.model}>
        {agent.model}
      </span>
    );
  }
  return (
    <span className={classes["model"]} title={model}>
      {model ? `${model} ` : ""}
      <span className={classes["faint"]}>{model ? "(default)" : "Default model"}</span>
    </span>
  );
}

/** What one can do with an agent. The functions must be stable. */
export interface AgentActions {
  readonly run: (agent: Agent) => void;
  readonly edit: (agent: Agent) => void;
  readonly remove: (agent: Agent) => void;
}

export function Actions({ agent, actions }: { readonly agent: Agent; readonly actions: AgentActions }) {
  return (
    <span className={classes["actions"]}>
      {ACTIONS.map(({ name, does, icon: Icon }) => (
        <button
          key={name}
          type="button"
          className={classes["action"]}
          title={does}
          aria-label={`${does} ${agent.name}`}
          onClick={() => actions[name](agent)}
        >
          <Icon size={16} aria-hidden />
        </button>
      ))}
    </span>
  );
}

const ACTIONS = [
  { name: "run", does: "Run", icon: Play },
  { name: "edit", does: "Edit", icon: Pencil },
  { name: "remove", does: "Delete", icon: Trash2 },
] as const;
