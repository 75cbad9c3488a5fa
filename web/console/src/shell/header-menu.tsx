import {
  ActionIcon,
  Button,
  Group,
  type MantineColorScheme,
  Menu,
  Modal,
  Text,
  useMantineColorScheme,
} from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { useQuery } from "@tanstack/react-query";
import { EllipsisVertical, Keyboard, LogOut, Monitor, Moon, Sun } from "lucide-react";
import { useEffect, useState } from "react";
import { sentenceOf } from "../api/failure";
import { readSession } from "../api/session";
import { useConsole } from "../console-context";
import { useApp } from "../state/app-state";
import { leaveWithOthers, signOut } from "./sign-out";

/** What is seldom needed: colours, keys, and the way out. */
export function HeaderMenu({ listKeys }: { readonly listKeys: () => void }) {
  const app = useConsole();
  const [isLeaving, leaving] = useDisclosure(false);
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  // Where everyone is let in there is nothing to sign out of.
  const { data: session } = useQuery({
    queryKey: ["session"],
    queryFn: readSession,
    staleTime: Number.POSITIVE_INFINITY,
  });
  useEffect(() => leaveWithOthers(app), [app]);
  return (
    <>
      <Menu position="bottom-end" width={200} withinPortal={false} withInitialFocusPlaceholder={false}>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label="Menu">
            <EllipsisVertical size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>Colours</Menu.Label>
          <Menu.RadioGroup value={colorScheme} onChange={(value) => setColorScheme(value as MantineColorScheme)}>
            <Menu.RadioItem value="auto" rightSection={<Monitor size={16} />}>
              As the device
            </Menu.RadioItem>
            <Menu.RadioItem value="light" rightSection={<Sun size={16} />}>
              Light
            </Menu.RadioItem>
            <Menu.RadioItem value="dark" rightSection={<Moon size={16} />}>
              Dark
            </Menu.RadioItem>
          </Menu.RadioGroup>
          <Menu.Divider />
          <Menu.Item leftSection={<Keyboard size={16} />} onClick={listKeys}>
            Keyboard
          </Menu.Item>
          {session && !session.no_auth && (
            <Menu.Item leftSection={<LogOut size={16} />} onClick={leaving.open}>
              Sign out
            </Menu.Item>
          )}
        </Menu.Dropdown>
      </Menu>
      <SignOutModal isOpen={isLeaving} close={leaving.close} />
    </>
  );
}

function SignOutModal({ isOpen, close }: { readonly isOpen: boolean; readonly close: () => void }) {
  const app = useConsole();
  const unsent = useApp((state) => state.outgoing.length);
  const [isBusy, setIsBusy] = useState(false);
  const leave = async () => {
    setIsBusy(true);
    try {
      await signOut(app);
    } catch (error) {
      notifications.show({ color: "red", title: "You are still signed in", message: sentenceOf(error) });
      close();
    }
    setIsBusy(false);
  };
  return (
    <Modal opened={isOpen} onClose={close} title="Sign out?" size="sm" closeButtonProps={{ "aria-label": "Close" }}>
      <Text size="sm">{describeLoss(unsent)}</Text>
      <Group justify="flex-end" mt="lg" gap="xs">
        <Button variant="default" onClick={close} data-autofocus>
          Stay
        </Button>
        <Button color={unsent ? "red" : "indigo"} loading={isBusy} onClick={leave}>
          Sign out
        </Button>
      </Group>
    </Modal>
  );
}

/** What is lost by signing out. */
export function describeLoss(unsent: number): string {
  const kept =
    "Agents and threads stay on the server. Drafts, and what this browser keeps of them, are removed from it.";
  if (!unsent) {
    return kept;
  }
  const messages = unsent === 1 ? "1 message was not sent, and is" : `${unsent} messages were not sent, and are`;
  return `${messages} lost if you sign out now. ${kept}`;
}
