import { Stack, Title } from "@mantine/core";
import { OperationsWsManager } from "../managers/operations-ws-manager";
import { useManager } from "../managers/use-manager";
import type { App } from "../state/app-state";
import classes from "./operations-page.module.css";
import { OwnLinePanel } from "./own-line-panel";
import { ServerPanel } from "./server-panel";

/** How the server and this browser's line are, live. */
export default function OperationsPage() {
  const manager = useManager(makeManager);
  return (
    <Stack className={classes["page"] ?? ""} gap="xl">
      <Title order={1} size="h3">
        Operations
      </Title>
      <ServerPanel retry={() => manager.retry()} />
      <OwnLinePanel />
    </Stack>
  );
}

const makeManager = (app: App) => new OperationsWsManager(app);
