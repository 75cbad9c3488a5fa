import { Kbd, NativeSelect, SegmentedControl, TextInput } from "@mantine/core";
import { LayoutGrid, Rows3, Search } from "lucide-react";
import type { RefObject } from "react";
import { type AgentFilter, type AgentStatus, COLUMNS, type Column, type Sorting } from "./agent-rows";
import { COLUMN_NAMES } from "./agent-table";
import classes from "./toolbar.module.css";

export type View = "table" | "cards";

interface ToolbarProps {
  readonly filter: AgentFilter;
  readonly setFilter: (filter: AgentFilter) => void;
  readonly models: readonly string[];
  readonly view: View;
  /** Undefined where there is no choice. */
  readonly setView: ((view: View) => void) | undefined;
  readonly sorting: Sorting;
  readonly setSorting: (sorting: Sorting) => void;
  readonly textField: RefObject<HTMLInputElement | null>;
}

const STATUSES = [
  { value: "", label: "Status" },
  { value: "idle", label: "Idle" },
  { value: "running", label: "Running" },
  { value: "error", label: "Error" },
];

/** Filters the agents, and says how they are shown. */
export function Toolbar({ filter, setFilter, models, view, setView, sorting, setSorting, textField }: ToolbarProps) {
  const chosen = filter.model === null || models.includes(filter.model) ? models : [...models, filter.model];
  return (
    <section className={classes["toolbar"]} aria-label="Filter">
      <TextInput
        ref={textField}
        className={classes["text"] ?? ""}
        type="search"
        placeholder="Filter by name or model"
        aria-label="Filter by name or model"
        leftSection={<Search size={16} aria-hidden />}
        rightSection={
          <Kbd size="xs" className={classes["key"] ?? ""}>
            /
          </Kbd>
        }
        value={filter.text}
        onChange={(event) => setFilter({ ...filter, text: event.currentTarget.value })}
        onKeyDown={(event) => {
          if (event.key === "Escape") {
            setFilter({ ...filter, text: "" });
            event.currentTarget.blur();
          }
        }}
      />
      <NativeSelect
        className={classes["status"] ?? ""}
        aria-label="Status"
        data={STATUSES}
        value={filter.status ?? ""}
        onChange={(event) =>
          setFilter({ ...filter, status: (event.currentTarget.value || null) as AgentStatus | null })
        }
      />
      <NativeSelect
        className={classes["model"] ?? ""}
        aria-label="Model"
        data={[{ value: "", label: "Model" }, ...chosen.map((name) => ({ value: name, label: name }))]}
        value={filter.model ?? ""}
        onChange={(event) => setFilter({ ...filter, model: event.currentTarget.value || null })}
      />
      <div className={classes["end"]}>
        {view === "cards" && <SortSelect sorting={sorting} setSorting={setSorting} />}
        {setView && <ViewSwitch view={view} setView={setView} />}
      </div>
    </section>
  );
}

function SortSelect({ sorting, setSorting }: Pick<ToolbarProps, "sorting" | "setSorting">) {
  const orders = [false, true].flatMap((isDescending) =>
    COLUMNS.map((column) => ({
      value: `${column} ${isDescending}`,
      label: `${COLUMN_NAMES[column]} ${isDescending ? "↓" : "↑"}`,
    })),
  );
  return (
    <NativeSelect
      aria-label="Order"
      data={orders}
      value={`${sorting.column} ${sorting.isDescending}`}
      onChange={(event) => {
        const [column, isDescending] = event.currentTarget.value.split(" ");
        setSorting({ column: column as Column, isDescending: isDescending === "true" });
      }}
    />
  );
}

function ViewSwitch({ view, setView }: { readonly view: View; readonly setView: (view: View) => void }) {
  return (
    <SegmentedControl
      size="xs"
      aria-label="View"
      value={view}
      onChange={(value) => setView(value as View)}
      data={[
        { value: "table", label: <Named icon={Rows3} name="Table" /> },
        { value: "cards", label: <Named icon={LayoutGrid} name="Cards" /> },
      ]}
    />
  );
}

function Named({ icon: Icon, name }: { readonly icon: typeof Rows3; readonly name: string }) {
  return (
    <span title={name} style={{ display: "grid", placeItems: "center", height: 20 }}>
      <Icon size={16} aria-hidden />
      <span className="visually-hidden">{name}</span>
    </span>
  );
}
