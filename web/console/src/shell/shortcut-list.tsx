import { Group, Kbd, Modal, Stack, Table, Text } from "@mantine/core";
import { SHORTCUTS } from "./shortcuts";

/** The list of keys, over the page. */
export function ShortcutList({ isOpen, close }: { readonly isOpen: boolean; readonly close: () => void }) {
  return (
    <Modal opened={isOpen} onClose={close} title="Keyboard" closeButtonProps={{ "aria-label": "Close" }}>
      <Stack gap="md">
        {SHORTCUTS.map(({ where, shortcuts }) => (
          <section key={where} aria-label={where}>
            <Text fw={600} size="sm" mb={4}>
              {where}
            </Text>
            <Table verticalSpacing={6} withRowBorders={false}>
              <Table.Tbody>
                {shortcuts.map(({ keys, does }) => (
                  <Table.Tr key={does}>
                    <Table.Td w={140}>
                      <Group gap={4}>
                        {keys.map((key) => (
                          <Kbd key={key}>{key}</Kbd>
                        ))}
                      </Group>
                    </Table.Td>
                    <Table.Td>{does}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </section>
        ))}
      </Stack>
    </Modal>
  );
}
