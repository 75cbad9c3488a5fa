import { ActionIcon, Drawer, Text, Title } from "@mantine/core";
import { useDisclosure, useHotkeys } from "@mantine/hooks";
import { PanelLeft } from "lucide-react";
import { type ReactNode, useEffect } from "react";
import { useLocation } from "wouter";
import { useApp } from "../state/app-state";
import classes from "./chat-layout.module.css";
import { ThreadList } from "./thread-list";

interface ChatLayoutProps {
  readonly agentId: number | undefined;
  readonly threadId: number | undefined;
  /** The page's heading; what is inside has one of its own if none is given. */
  readonly title?: string | undefined;
  readonly children: ReactNode;
}

/** The threads of an agent beside whatever is open; on a phone they are in a drawer. */
export function ChatLayout({ agentId, threadId, title, children }: ChatLayoutProps) {
  const [, navigate] = useLocation();
  const [isOpen, drawer] = useDisclosure(false);
  const agent = useApp(({ agents }) => (agentId === undefined ? undefined : agents.data.get(agentId)));
  const { close } = drawer;
  // biome-ignore lint/correctness/useExhaustiveDependencies: whoever went to a thread has no more use for the list
  useEffect(close, [threadId, agentId, close]);
  useHotkeys([["n", () => agentId !== undefined && navigate(newThreadOf(agentId))]]);
  return (
    <div className={classes["layout"]}>
      <aside className={classes["side"]} aria-label="Threads">
        <ThreadList agentId={agentId} threadId={threadId} />
      </aside>
      <Drawer
        opened={isOpen}
        onClose={close}
        title="Threads"
        size="86%"
        hiddenFrom="sm"
        closeButtonProps={{ "aria-label": "Close" }}
        classNames={{ body: classes["drawer"] ?? "" }}
      >
        <ThreadList agentId={agentId} threadId={threadId} />
      </Drawer>
      <section className={classes["main"]} aria-label={title ?? "Thread"}>
        <header className={classes["header"]} data-untitled={title === undefined}>
          <ActionIcon variant="subtle" color="gray" hiddenFrom="sm" aria-label="Threads" onClick={drawer.open}>
            <PanelLeft size={18} />
          </ActionIcon>
          <div className={classes["names"]}>
            {title !== undefined && (
              <Title order={1} className={classes["title"] ?? ""} title={title}>
                {title}
              </Title>
            )}
            {agent && (
              <Text size="sm" c="dimmed" truncate className={classes["agent"] ?? ""}>
                {agent.name}
                {agent.model && ` · ${agent.model}`}
              </Text>
            )}
          </div>
        </header>
        {children}
      </section>
    </div>
  );
}

/** Where a conversation begins that has no thread yet. */
export function newThreadOf(agentId: number): string {
  return `/agents/${agentId}?new`;
}
