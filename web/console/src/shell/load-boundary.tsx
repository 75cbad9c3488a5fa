import { Button, Stack, Text, Title } from "@mantine/core";
import { Component, type ReactNode } from "react";

interface LoadBoundaryProps {
  /** Where one is; somewhere else it is tried again. */
  readonly place: string;
  readonly children: ReactNode;
}

interface LoadBoundaryState {
  readonly failedAt: string | undefined;
}

/** Says that a page could not be loaded, and leaves the frame around it as it is. */
export class LoadBoundary extends Component<LoadBoundaryProps, LoadBoundaryState> {
  override state: LoadBoundaryState = { failedAt: undefined };

  static getDerivedStateFromError(): LoadBoundaryState {
    return { failedAt: location.pathname };
  }

  override render(): ReactNode {
    return this.state.failedAt === this.props.place ? <NotLoaded /> : this.props.children;
  }
}

function NotLoaded() {
  return (
    <Stack p="xl" align="flex-start" role="alert">
      <Title order={1} size="h3">
        This page could not be shown
      </Title>
      <Text c="dimmed">
        The server cannot be reached, has a newer version of this page, or this browser lacks something that it needs.
        What you typed is kept.
      </Text>
      <Button onClick={() => location.reload()}>Try again</Button>
    </Stack>
  );
}
