import { Spotlight, type SpotlightActionGroupData } from "@mantine/spotlight";
import { Activity, Bot, LayoutDashboard, MessageSquare, Search } from "lucide-react";
import { useMemo, useState } from "react";
import { useLocation } from "wouter";
import { useApp } from "../state/app-state";
import { NO_AGENTS, NO_THREADS } from "../state/entities";
import { titleOf } from "../state/titles";

/** Finds agents, threads and pages by what one types. */
export function Finder() {
  const [, navigate] = useLocation();
  // While it is closed it lists nothing, and no event makes it work.
  const [isOpen, setIsOpen] = useState(false);
  const agents = useApp((state) => (isOpen ? state.agents.data : NO_AGENTS.byId));
  const threads = useApp((state) => (isOpen ? state.threads.data.byId : NO_THREADS.byId));
  const vanishing = useApp((state) => state.vanishing);
  const actions = useMemo((): SpotlightActionGroupData[] => {
    const shownAgents = [...agents.values()].filter(({ id }) => !vanishing.agents.has(id));
    const shownThreads = [...threads.values()].filter(
      ({ id, agent_id }) => !vanishing.threads.has(id) && !vanishing.agents.has(agent_id),
    );
    return [
      {
        group: "Pages",
        actions: [
          {
            id: "dashboard",
            label: "Dashboard",
            leftSection: <LayoutDashboard size={18} />,
            onClick: () => navigate("/"),
          },
          { id: "chat", label: "Chat", leftSection: <MessageSquare size={18} />, onClick: () => navigate("/chat") },
          {
            id: "operations",
            label: "Operations",
            leftSection: <Activity size={18} />,
            onClick: () => navigate("/operations"),
          },
        ],
      },
      {
        group: "Agents",
        actions: shownAgents.map(({ id, name, model }) => ({
          id: `agent:${id}`,
          label: name,
          description: model || "default model",
          leftSection: <Bot size={18} />,
          onClick: () => navigate(`/agents/${id}`),
        })),
      },
      {
        group: "Threads",
        actions: shownThreads.map((thread) => ({
          id: `thread:${thread.id}`,
          label: titleOf(thread),
          description: agents.get(thread.agent_id)?.name ?? "",
          leftSection: <MessageSquare size={18} />,
          onClick: () => navigate(`/threads/${thread.id}`),
        })),
      },
    ];
  }, [agents, threads, vanishing, navigate]);
  return (
    <Spotlight
      actions={actions}
      onSpotlightOpen={() => setIsOpen(true)}
      onSpotlightClose={() => setIsOpen(false)}
      shortcut="mod + K"
      nothingFound="Nothing has this name."
      highlightQuery
      limit={12}
      scrollable
      maxHeight={420}
      attributes={{ content: { "aria-label": "Find agents and threads" } }}
      searchProps={{
        leftSection: <Search size={18} />,
        placeholder: "Find agents and threads",
        "aria-label": "Find agents and threads",
      }}
    />
  );
}
