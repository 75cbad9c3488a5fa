import { Button, Text, Title } from "@mantine/core";
import { useHotkeys, useMediaQuery } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { Plus } from "lucide-react";
import { useMemo, useRef, useState } from "react";
import { sentenceOf } from "../api/failure";
import { useConsole } from "../console-context";
import type { Agent } from "../generated/agents";
import { DashboardWsManager } from "../managers/dashboard-ws-manager";
import { useManager } from "../managers/use-manager";
import { deleteWithUndo } from "../shell/delete-with-undo";
import { useStored } from "../shell/use-stored";
import { type App, useApp } from "../state/app-state";
import { useFirstRun } from "../welcome/use-first-run";
import { Welcome } from "../welcome/welcome";
import { AgentCards } from "./agent-cards";
import { AgentDrawer } from "./agent-drawer";
import type { AgentActions } from "./agent-parts";
import { FIRST_SORTING, NO_FILTER, sortingAfter } from "./agent-rows";
import { AgentTable } from "./agent-table";
import { AskModal } from "./ask-modal";
import { useChanges } from "./changes";
import classes from "./dashboard-page.module.css";
import { ListNotices, ListSkeleton } from "./notices";
import { ask, tellRunning } from "./run-agent";
import { Toolbar, type View } from "./toolbar";
import { useAgentRows } from "./use-agent-rows";

const PHONE = "(max-width: 48em)";

/** The agents, live. */
export function DashboardPage() {
  useManager(makeManager);
  const [editing, setEditing] = useState<Agent | "new" | null>(null);
  const [asking, setAsking] = useState<Agent | null>(null);
  const firstRun = useFirstRun();
  const { run, remove } = useDoing(setAsking);
  const actions = useMemo(() => ({ run, remove, edit: setEditing }), [run, remove]);
  useHotkeys([["n", () => setEditing("new")]]);
  const skip = () => {
    firstRun.end();
    if (!firstRun.agent) {
      setEditing("new");
    }
  };
  return (
    <div className={classes["page"]}>
      {firstRun.isOn ? (
        <Welcome agent={firstRun.agent} make={firstRun.make} skip={skip} />
      ) : (
        <AgentList actions={actions} create={() => setEditing("new")} />
      )}
      <AgentDrawer editing={editing} close={() => setEditing(null)} />
      <AskModal agent={asking} close={() => setAsking(null)} />
    </div>
  );
}

const makeManager = (app: App) => new DashboardWsManager(app);

/** Running and deleting, by functions that stay the same. `needsMessage` is told of an agent without a task. */
function useDoing(needsMessage: (agent: Agent) => void): Pick<AgentActions, "run" | "remove"> {
  const app = useConsole();
  return useMemo(
    () => ({
      run: async (agent) => {
        if (!agent.task_instructions.trim()) {
          needsMessage(agent);
          return;
        }
        try {
          tellRunning(agent, await ask(app, agent.id, agent.task_instructions));
        } catch (error) {
          notifications.show({ color: "red", title: `“${agent.name}” is not asked`, message: sentenceOf(error) });
        }
      },
      remove: (agent) => deleteWithUndo("agents", agent.id, `Agent “${agent.name}”`),
    }),
    [app, needsMessage],
  );
}

interface AgentListSectionProps {
  readonly actions: AgentActions;
  readonly create: () => void;
}

function AgentList({ actions, create }: AgentListSectionProps) {
  const [filter, setFilter] = useState(NO_FILTER);
  const [sorting, setSorting] = useStored("dashboard sorting", FIRST_SORTING);
  const [chosenView, setView] = useStored<View>("dashboard view", "table");
  const isPhone = useMediaQuery(PHONE, false, { getInitialValueInEffect: false });
  const textField = useRef<HTMLInputElement>(null);
  const isLoading = useApp((state) => state.agents.status === "loading");
  const { rows, total, models } = useAgentRows(filter, sorting);
  const changes = useChanges();
  const view = isPhone ? "cards" : chosenView;
  useHotkeys([["/", () => textField.current?.focus()]]);
  const list = { rows, changes, actions };
  return (
    <>
      <div className={classes["head"]}>
        <Title order={1} size="h2">
          Agents
          {total > 0 && (
            <span className={classes["count"]}>{rows.length < total ? `${rows.length} of ${total}` : total}</span>
          )}
        </Title>
        <Button leftSection={<Plus size={16} aria-hidden />} onClick={create} title="New agent (N)">
          New agent
        </Button>
      </div>
      <Toolbar
        {...{ filter, setFilter, models, view, sorting, setSorting, textField }}
        setView={isPhone ? undefined : setView}
      />
      <ListNotices />
      {isLoading && <ListSkeleton />}
      {!isLoading && !rows.length && <Nothing isFiltered={total > 0} clear={() => setFilter(NO_FILTER)} />}
      {rows.length > 0 &&
        (view === "table" ? (
          <AgentTable {...list} sorting={sorting} sortBy={(column) => setSorting(sortingAfter(sorting, column))} />
        ) : (
          <AgentCards {...list} />
        ))}
    </>
  );
}

function Nothing({ isFiltered, clear }: { readonly isFiltered: boolean; readonly clear: () => void }) {
  const isKnown = useApp((state) => state.agents.status !== "failed");
  if (!isKnown) {
    return null;
  }
  return (
    <div className={classes["nothing"]}>
      <Text>{isFiltered ? "No agent is like that." : "There are no agents."}</Text>
      {isFiltered ? (
        <Button mt="sm" variant="default" size="xs" onClick={clear}>
          Show all
        </Button>
      ) : (
        <Text size="sm" c="dimmed">
          Make one with “New agent”.
        </Text>
      )}
    </div>
  );
}
