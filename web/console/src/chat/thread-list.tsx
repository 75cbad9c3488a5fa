import { Button, Select, Text, TextInput } from "@mantine/core";
import { Plus, Search } from "lucide-react";
import { useMemo, useState } from "react";
import { Link, useLocation } from "wouter";
import type { Agent, Thread } from "../generated/agents";
import { useApp } from "../state/app-state";
import { newestFirst } from "../state/thread-order";
import { titleOf } from "../state/titles";
import { newThreadOf } from "./chat-layout";
import classes from "./thread-list.module.css";
import { ThreadRow } from "./thread-row";

interface ThreadListProps {
  readonly agentId: number | undefined;
  /** The thread that is open. */
  readonly threadId: number | undefined;
}

/** The threads of one agent, to go to, find, make, rename and delete. */
export function ThreadList({ agentId, threadId }: ThreadListProps) {
  const [search, setSearch] = useState("");
  const threads = useThreads(agentId);
  const isTruncated = useApp(({ truncated }) => truncated.threads);
  const wanted = search.trim().toLowerCase();
  const shown = wanted ? threads.filter((thread) => titleOf(thread).toLowerCase().includes(wanted)) : threads;
  return (
    <div className={classes["list"]}>
      <div className={classes["head"]}>
        <AgentSelect agentId={agentId} />
        {agentId !== undefined && (
          <Button
            component={Link}
            href={newThreadOf(agentId)}
            variant="default"
            size="sm"
            fullWidth
            leftSection={<Plus size={16} />}
          >
            New thread
          </Button>
        )}
        {threads.length > 0 && (
          <TextInput
            size="xs"
            type="search"
            placeholder="Find a thread"
            aria-label="Find a thread"
            leftSection={<Search size={14} />}
            value={search}
            onChange={(event) => setSearch(event.currentTarget.value)}
          />
        )}
      </div>
      <nav className={classes["rows"]} aria-label="Threads of this agent">
        <ul>
          {shown.map((thread) => (
            <ThreadRow key={thread.id} thread={thread} isOpen={thread.id === threadId} />
          ))}
        </ul>
        <ListEnd count={shown.length} isSearching={wanted !== ""} isTruncated={isTruncated} agentId={agentId} />
      </nav>
    </div>
  );
}

interface ListEndProps {
  readonly count: number;
  readonly isSearching: boolean;
  readonly isTruncated: boolean;
  readonly agentId: number | undefined;
}

function ListEnd({ count, isSearching, isTruncated, agentId }: ListEndProps) {
  const isLoading = useApp(({ threads }) => threads.status === "loading");
  const sentence = isTruncated
    ? "The oldest threads are not listed; open them by their address."
    : count || agentId === undefined || isLoading
      ? ""
      : isSearching
        ? "No thread has this in its name."
        : "No threads yet.";
  return (
    <Text size="sm" c="dimmed" p="xs" aria-live="polite">
      {sentence}
    </Text>
  );
}

/** The threads of an agent, the one where something happened last first. */
function useThreads(agentId: number | undefined): readonly Thread[] {
  const { byId, activity } = useApp(({ threads }) => threads.data);
  const vanishing = useApp((state) => state.vanishing.threads);
  return useMemo(
    () =>
      [...byId.values()]
        .filter(({ id, agent_id }) => agent_id === agentId && !vanishing.has(id))
        .sort(newestFirst(activity)),
    [byId, activity, vanishing, agentId],
  );
}

function AgentSelect({ agentId }: { readonly agentId: number | undefined }) {
  const [, navigate] = useLocation();
  const agents = useApp((state) => state.agents.data);
  const vanishing = useApp((state) => state.vanishing.agents);
  const options = useMemo(
    () => optionsOf([...agents.values()].filter(({ id }) => !vanishing.has(id))),
    [agents, vanishing],
  );
  return (
    <Select
      size="sm"
      aria-label="Agent"
      placeholder="Choose an agent"
      searchable
      allowDeselect={false}
      nothingFoundMessage="No agent has this name."
      data={options}
      value={agentId === undefined ? null : String(agentId)}
      onChange={(id) => id && navigate(`/agents/${id}`)}
    />
  );
}

function optionsOf(agents: readonly Agent[]) {
  return agents
    .map(({ id, name }) => ({ value: String(id), label: name }))
    .sort((a, b) => a.label.localeCompare(b.label));
}
