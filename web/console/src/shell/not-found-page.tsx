import { Anchor, Stack, Text, Title } from "@mantine/core";
import { Link } from "wouter";

/** Where nothing is. */
export function NotFoundPage() {
  return (
    <Stack p="xl" align="center" gap="xs">
      <Title order={1} size="h2">
        There is nothing here
      </Title>
      <Text c="dimmed">The address may be mistyped, or what stood here was deleted.</Text>
      <Anchor component={Link} href="/">
        To the dashboard
      </Anchor>
    </Stack>
  );
}
