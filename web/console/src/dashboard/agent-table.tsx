import { ArrowDown, ArrowUp } from "lucide-react";
import { memo } from "react";
import { Link } from "wouter";
import { RelativeTime } from "../shell/relative-time";
import { Actions, type AgentActions, LastRun, Model, Status } from "./agent-parts";
import { type AgentRow, COLUMNS, type Column, type Sorting } from "./agent-rows";
import classes from "./agent-table.module.css";

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
  /** How often each agent changed that is to be pointed out. */
  readonly marks: ReadonlyMap<number, number>;
  readonly actions: AgentActions;
  /** An agent has been pointed out. */
  readonly settle: (id: number) => void;
}

interface AgentTableProps extends AgentListProps {
  readonly sorting: Sorting;
  readonly sortBy: (column: Column) => void;
}

/** The agents, one a row. */
export function AgentTable({ rows, marks, actions, settle, sorting, sortBy }: AgentTableProps) {
  return (
    <div className={classes["frame"]}>
      <table className={classes["table"]}>
        <caption className="visually-hidden">Agents. The buttons of the head sort them.</caption>
        <thead>
          <tr>
            {COLUMNS.map((column) => (
              <SortingHead key={column} column={column} sorting={sorting} sortBy={sortBy} />
            ))}
            <th scope="col" className={classes["actionsColumn"]}>
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ agent, model, threads, running, lastRun }) => (
            <Row
              key={agent.id}
              {...{ agent, model, threads, running, lastRun, actions, settle }}
              mark={marks.get(agent.id) ?? 0}
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
    <th scope="col" className={classes[`${column}Column`] ?? classes[column]} aria-sort={isSorted ? order : undefined}>
      <button type="button" className={classes["sort"]} onClick={() => sortBy(column)}>
        {COLUMN_NAMES[column]}
        {isSorted && <Arrow size={13} aria-hidden />}
      </button>
    </th>
  );
}

interface RowProps extends AgentRow {
  readonly mark: number;
  readonly actions: AgentActions;
  readonly settle: (id: number) => void;
}

/** Rendered anew only when something of this agent changed. */
const Row = memo(function Row({ agent, model, threads, running, lastRun, mark, actions, settle }: RowProps) {
  return (
    <tr
      data-agent={agent.id}
      className={mark ? classes["mark"] : undefined}
      data-turn={mark % 2}
      onAnimationEnd={(event) => event.target === event.currentTarget && settle(agent.id)}
    >
      <td>
        <Link href={`/agents/${agent.id}`} className={classes["name"] ?? ""} title={agent.name}>
          {agent.name}
        </Link>
      </td>
      <td>
        <Model agent={agent} model={model} />
      </td>
      <td>
        <Status status={agent.status} running={running} />
      </td>
      <td>
        <LastRun run={lastRun} />
      </td>
      <td>
        <Link
          href={`/agents/${agent.id}`}
          className={classes["link"] ?? ""}
          aria-label={`${threads} ${threads === 1 ? "thread" : "threads"} of ${agent.name}`}
        >
          {threads}
        </Link>
      </td>
      <td className={classes["updated"]}>
        <RelativeTime time={agent.updated_at} />
      </td>
      <td>
        <Actions agent={agent} actions={actions} />
      </td>
    </tr>
  );
});
