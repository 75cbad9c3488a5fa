import { Title } from "@mantine/core";
import { OperationsWsManager } from "../managers/operations-ws-manager";
import { useManager } from "../managers/use-manager";
import { useApp } from "../state/app-state";

/** How the server and this browser's line are, live. */
export default function OperationsPage() {
  useManager(makeManager);
  const system = useApp((state) => state.system);
  return <Title order={1}>{system?.data.now?.sample.connections} connections</Title>;
}

const makeManager = (app: ConstructorParameters<typeof OperationsWsManager>[0]) => new OperationsWsManager(app);
