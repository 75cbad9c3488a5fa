import { Button, Group, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { Deletions, type Kind, UNDO_TIME } from "../state/vanishing";

const deletions = new Deletions((sentence) =>
  notifications.show({ color: "red", title: "Not deleted", message: sentence, autoClose: false }),
);

/** Delete an agent or a thread of this name, with some seconds in which a button on the page takes it back. */
export function deleteWithUndo(kind: Kind, id: number, name: string): void {
  const undo = deletions.begin(kind, id);
  const toast = `deleted ${kind} ${id}`;
  notifications.show({
    id: toast,
    autoClose: UNDO_TIME * 1000,
    message: (
      <Group justify="space-between" wrap="nowrap" gap="xs">
        <Text size="sm" lineClamp={2}>
          Deleted “{name}”
        </Text>
        <Button
          size="compact-sm"
          variant="light"
          onClick={() => {
            undo();
            notifications.hide(toast);
          }}
        >
          Undo
        </Button>
      </Group>
    ),
  });
}
