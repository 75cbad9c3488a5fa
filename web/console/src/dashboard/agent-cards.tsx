import { memo } from "react";
import { Link } from "wouter";
import { RelativeTime } from "../shell/relative-time";
import classes from "./agent-cards.module.css";
import { Actions, type AgentActions, LastRun, Model, Status } from "./agent-parts";
import type { AgentRow } from "./agent-rows";
import type { AgentListProps } from "./agent-table";
import { useHighlight } from "./changes";

/** The agents, one a card. */
export function AgentCards({ rows, changes, actions }: AgentListProps) {
  return (
    <ul className={classes["cards"]} aria-label="Agents">
      {rows.map(({ agent, model, threads, running, lastRun }) => (
        <Card
          key={agent.id}
          {...{ agent, model, threads, running, lastRun, actions }}
          changedAt={changes.get(agent.id)}
        />
      ))}
    </ul>
  );
}

interface CardProps extends AgentRow {
  readonly changedAt: number | undefined;
  readonly actions: AgentActions;
}

const Card = memo(function Card({ agent, model, threads, running, lastRun, changedAt, actions }: CardProps) {
  const ref = useHighlight<HTMLLIElement>(changedAt);
  return (
    <li ref={ref} data-agent={agent.id} className={classes["card"]}>
      <div className={classes["head"]}>
        <Link href={`/agents/${agent.id}`} className={classes["name"] ?? ""} title={agent.name}>
          {agent.name}
        </Link>
        <Status status={agent.status} running={running} />
      </div>
      <Model agent={agent} model={model} />
      <p className={classes["about"]}>{agent.system_instructions || agent.task_instructions || "No instructions"}</p>
      <div className={classes["facts"]}>
        <LastRun run={lastRun} />
        <Link href={`/agents/${agent.id}`} className={classes["link"] ?? ""}>
          {threads} {threads === 1 ? "thread" : "threads"}
        </Link>
      </div>
      <div className={classes["foot"]}>
        <span>
          Updated <RelativeTime time={agent.updated_at} />
        </span>
        <Actions agent={agent} actions={actions} />
      </div>
    </li>
  );
});
