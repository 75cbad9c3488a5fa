import { Alert, Button, Skeleton, Stack, Text } from "@mantine/core";
import { useEffect, useState } from "react";
import { whyBehind } from "../shell/line-sentences";
import { useApp } from "../state/app-state";

/** Milliseconds for which a line may be down without a word; the frame shows it at once. */
const PATIENCE = 1_500;

/** Whether something has been so for a while. */
function useIsLasting(isSo: boolean): boolean {
  const [isLasting, setLasting] = useState(false);
  useEffect(() => {
    if (!isSo) {
      setLasting(false);
      return;
    }
    const timer = setTimeout(() => setLasting(true), PATIENCE);
    return () => clearTimeout(timer);
  }, [isSo]);
  return isSo && isLasting;
}

/** What one has to know of the list: it could not be read, it may be behind, or it is cut. */
export function ListNotices() {
  const status = useApp((state) => state.agents.status);
  const error = useApp((state) => state.agents.error);
  const truncated = useApp((state) => state.truncated);
  const line = useApp((state) => state.line);
  const isDown = useIsLasting(line.state !== "connected" && status !== "live");
  if (status === "failed") {
    return (
      <Alert color="red" role="alert" title="The agents cannot be shown">
        <Text size="sm" mb="xs">
          {error?.message ?? "The server refused them."}
        </Text>
        <Button size="compact-sm" variant="default" onClick={() => location.reload()}>
          Load the page again
        </Button>
      </Alert>
    );
  }
  if (isDown) {
    return (
      <Alert color="yellow" role="status" title={whyBehind(line).replace(/\.$/, "")}>
        {status === "loading"
          ? "This browser has kept nothing of the agents. They appear by themselves when the line is back."
          : "This is what this browser has kept; it may be out of date. Changes appear by themselves when the line is back."}
      </Alert>
    );
  }
  return <TruncatedNotice agents={truncated.agents} threads={truncated.threads} />;
}

function TruncatedNotice({ agents, threads }: { readonly agents: boolean; readonly threads: boolean }) {
  if (!agents && !threads) {
    return null;
  }
  return (
    <Text size="sm" c="dimmed" role="status">
      {agents && "There are more agents than are shown here: these are the newest. "}
      {threads && "There are more threads than are counted here: only the newest are."}
    </Text>
  );
}

const PLACES = [1, 2, 3, 4, 5, 6];

/** What stands where the agents are about to be. */
export function ListSkeleton() {
  return (
    <Stack gap={8} role="status" aria-label="Loading the agents">
      {PLACES.map((place) => (
        <Skeleton key={place} height={44} radius="md" />
      ))}
    </Stack>
  );
}
