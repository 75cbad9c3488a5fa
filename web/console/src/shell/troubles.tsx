import { Alert, Stack } from "@mantine/core";
import { useState } from "react";
import { useApp } from "../state/app-state";

/** What is wrong with this browser, until it is put away. */
export function Troubles() {
  const troubles = useApp((state) => state.troubles);
  const [read, setRead] = useState<readonly string[]>([]);
  const shown = troubles.filter((trouble) => !read.includes(trouble));
  if (!shown.length) {
    return null;
  }
  return (
    <Stack gap={4} p="xs">
      {shown.map((trouble) => (
        <Alert
          key={trouble}
          color="yellow"
          variant="light"
          p="xs"
          withCloseButton
          closeButtonLabel="Put away"
          onClose={() => setRead([...read, trouble])}
        >
          {trouble}
        </Alert>
      ))}
    </Stack>
  );
}
