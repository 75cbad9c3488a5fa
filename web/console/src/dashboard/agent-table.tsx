// biome-ignore-all lint/a11y/noRedundantRoles: laid out as a grid, a table is none to some browsers unless it says so

import { ArrowDown, ArrowUp } from "lucide-react";
import { memo } from "react";
import { Link } from "wouter";
import { RelativeTime } from "../shell/relative-time";
import { Actions, type AgentActions, LastRun, Model, Status } from "./agent-parts";
import { type AgentRow, COLUMNS, type Column, type Sorting } from "./agent-rows";
import classes from "./agent-table.module.css";
import { useHighlight } from "./changes";

export const COLUMN_NAMES: Readonly<Record<Column, string>> = {
  name: "Name",
  model: "Model",
  status: "Status",
  lastRun: "Last run",
  threads: "Threads",
  updated: "Updated",
};

export interface AgentListProps {
  readonly rows: readonly AgentRow[];
  /** When each agent changed that changed while one looked. */
  readonly changes: ReadonlyMap<number, number>;
  readonly actions: AgentActions;
}

interface AgentTableProps extends AgentListProps {
  readonly sorting: Sorting;
  readonly sortBy: (column: Column) => void;
}

/** The agents, one a row. */
export function AgentTable({ rows, changes, actions, sorting, sortBy }: AgentTableProps) {
  return (
    <div className={classes["frame"]}>
      {/* Laid out as a grid, so that rows out of sight cost nothing. */}
      <table className={classes["table"]} role="table">
        <caption className="visually-hidden">Agents. The buttons of the head sort them.</caption>
        <thead role="rowgroup">
          <tr role="row" className={classes["row"]}>
            {COLUMNS.map((column) => (
              <SortingHead key={column} column={column} sorting={sorting} sortBy={sortBy} />
            ))}
            <th role="columnheader" scope="col">
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map(({ agent, model, threads, running, lastRun }) => (
            <Row
              key={agent.id}
              {...{ agent, model, threads, running, lastRun, actions }}
              changedAt={changes.get(agent.id)}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface SortingHeadProps extends Pick<AgentTableProps, "sorting" | "sortBy"> {
  readonly column: Column;
}

function SortingHead({ column, sorting, sortBy }: SortingHeadProps) {
  const isSorted = sorting.column === column;
  const Arrow = sorting.isDescending ? ArrowDown : ArrowUp;
  const order = sorting.isDescending ? "descending" : "ascending";
  return (
    <th role="columnheader" scope="col" className={classes[column]} aria-sort={isSorted ? order : undefined}>
      <button type="button" className={classes["sort"]} onClick={() => sortBy(column)}>
        {COLUMN_NAMES[column]}
        {isSorted && <Arrow size={13} aria-hidden />}
      </button>
    </th>
  );
}

interface RowProps extends AgentRow {
  readonly changedAt: number | undefined;
  readonly actions: AgentActions;
}

/** Rendered anew only when something of this agent changed. */
const Row = memo(function Row({ agent, model, threads, running, lastRun, changedAt, actions }: RowProps) {
  const ref = useHighlight<HTMLTableRowElement>(changedAt);
  return (
    <tr ref={ref} role="row" data-agent={agent.id} className={classes["row"]}>
      <td role="cell">
        <Link href={`/agents/${agent.id}`} className={classes["name"] ?? ""} title={agent.name}>
          {agent.name}
        </Link>
      </td>
      <td role="cell">
        <Model agent={agent} model={model} />
      </td>
      <td role="cell">
        <Status status={agent.status} running={running} />
      </td>
      <td role="cell">
        <LastRun run={lastRun} />
      </td>
      <td role="cell">
        <Link
          href={`/agents/${agent.id}`}
          className={classes["link"] ?? ""}
          aria-label={`${threads} ${threads === 1 ? "thread" : "threads"} of ${agent.name}`}
        >
          {threads}
        </Link>
      </td>
      <td role="cell" className={classes["updated"]}>
        <RelativeTime time={agent.updated_at} />
      </td>
      <td role="cell">
        <Actions agent={agent} actions={actions} />
      </td>
    </tr>
  );
});
