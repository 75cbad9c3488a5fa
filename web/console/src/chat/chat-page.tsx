import { Title } from "@mantine/core";

interface ChatPageProps {
  readonly agentId: number | undefined;
  readonly threadId: number | undefined;
}

/** The threads of an agent, and one of them. */
export default function ChatPage({ threadId }: ChatPageProps) {
  return <Title order={1}>Thread {threadId}</Title>;
}
