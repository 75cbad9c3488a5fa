import { Title } from "@mantine/core";
import { useApp } from "../state/app-state";

/** The agents, live. */
export function DashboardPage() {
  const agents = useApp((state) => state.agents.data);
  return <Title order={1}>{agents.size} agents</Title>;
}
