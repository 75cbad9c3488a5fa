import { Button, Group, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { Deletions, type Kind, UNDO_TIME } from "../state/vanishing";

/** The deletions of this page that can still be undone, whichever view began them. */
const deletions = new Deletions((sentence) =>
  notifications.show({ color: "red", title: "Not deleted", message: sentence, autoClose: false }),
);

/** Delete an agent or a thread, and offer for a few seconds to take it back. `what` names it: `Agent “Ada”`. */
export function deleteWithUndo(kind: Kind, id: number, what: string): void {
  const undo = deletions.begin(kind, id);
  const toast = `delete ${kind} ${id}`;
  // A toast under the pointer would stay after it is too late.
  setTimeout(() => notifications.hide(toast), UNDO_TIME * 1000);
  notifications.show({
    id: toast,
    color: "gray",
    autoClose: false,
    withCloseButton: false,
    message: (
      <Group justify="space-between" wrap="nowrap">
        <Text size="sm" lineClamp={2} style={{ overflowWrap: "anywhere" }}>
          {what} is deleted.
        </Text>
        <Button
          size="compact-sm"
          variant="default"
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
