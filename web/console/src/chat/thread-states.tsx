import { Anchor, Button, Center, Group, Loader, Paper, Stack, Text, Title } from "@mantine/core";
import type { RequestError } from "@trunkline/client";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { whyBehind } from "../shell/line-sentences";
import { useApp } from "../state/app-state";
import { CopyButton } from "./copy-button";
import classes from "./thread-states.module.css";
import { useUnsent } from "./use-unsent";

interface NoticeProps {
  readonly title: string;
  readonly text: string;
  readonly children: ReactNode;
}

/** Says why there is no thread to see, and where to go. */
export function Notice({ title, text, children }: NoticeProps) {
  return (
    <Stack className={classes["notice"] ?? ""} gap="xs">
      <Title order={1} size="h3">
        {title}
      </Title>
      <Text c="dimmed">{text}</Text>
      {children}
    </Stack>
  );
}

/** A thread that has not come yet. */
export function LoadingThread() {
  const line = useApp((state) => state.line);
  return (
    <Center className={classes["loading"] ?? ""} role="status">
      <Stack align="center" gap="xs">
        <Title order={1} className="visually-hidden">
          Chat
        </Title>
        <Loader type="dots" aria-label="Loading the thread" />
        {line.state !== "connected" && (
          <Text c="dimmed" ta="center">
            {whyBehind(line)} The thread opens when the line is back.
          </Text>
        )}
      </Stack>
    </Center>
  );
}

interface FailedThreadProps {
  readonly threadId: number;
  readonly error: RequestError | undefined;
  readonly tryAgain: () => void;
}

/** A thread that the server does not show. */
export function FailedThread({ threadId, error, tryAgain }: FailedThreadProps) {
  if (error?.code === "not_found") {
    return (
      <Notice
        title="There is no such thread"
        text={`Thread ${threadId} does not exist; somebody may have deleted it, or the address is mistyped.`}
      >
        <Unsent threadId={threadId} />
        <ToOthers agentId={undefined} />
      </Notice>
    );
  }
  return (
    <Notice title="This thread cannot be shown" text={error?.message ?? "The server did not say why."}>
      <Group>
        <Button onClick={tryAgain}>Try again</Button>
      </Group>
      <Unsent threadId={threadId} />
      <ToOthers agentId={undefined} />
    </Notice>
  );
}

/** A thread that somebody deleted while it was open. */
export function DeletedThread({
  threadId,
  agentId,
}: {
  readonly threadId: number;
  readonly agentId: number | undefined;
}) {
  return (
    <Notice
      title="This thread was deleted"
      text="It was deleted on another page, or with its agent, while it was open here."
    >
      <Unsent threadId={threadId} />
      <ToOthers agentId={agentId} />
    </Notice>
  );
}

/** What was written and not sent, to be copied. */
function Unsent({ threadId }: { readonly threadId: number }) {
  const texts = useUnsent(threadId);
  if (!texts.length) {
    return null;
  }
  return (
    <section aria-label="Not sent">
      <Text size="sm" fw={600} mb={4}>
        You wrote, and it was not sent:
      </Text>
      <Stack gap="xs">
        {texts.map((text) => (
          <Paper key={text} withBorder p="xs">
            <Group justify="space-between" wrap="nowrap" align="flex-start">
              <Text size="sm" lineClamp={8} className={classes["unsent"] ?? ""}>
                {text}
              </Text>
              <CopyButton what="text" text={() => text} />
            </Group>
          </Paper>
        ))}
      </Stack>
    </section>
  );
}

function ToOthers({ agentId }: { readonly agentId: number | undefined }) {
  const agent = useApp(({ agents }) => (agentId === undefined ? undefined : agents.data.get(agentId)));
  return (
    <Group gap="md">
      {agent && (
        <Anchor component={Link} href={`/agents/${agent.id}`}>
          To {agent.name}
        </Anchor>
      )}
      <Anchor component={Link} href="/">
        To the dashboard
      </Anchor>
    </Group>
  );
}
