import { ActionIcon, AppShell, Badge, Group, Text, Tooltip, UnstyledButton } from "@mantine/core";
import { useDisclosure, useDocumentTitle, useHotkeys } from "@mantine/hooks";
import { spotlight } from "@mantine/spotlight";
import { Activity, LayoutDashboard, type LucideIcon, MessageSquare, Search } from "lucide-react";
import type { ReactNode } from "react";
import { Link, useLocation } from "wouter";
import { DashboardWsManager } from "../managers/dashboard-ws-manager";
import { useManager } from "../managers/use-manager";
import { useApp } from "../state/app-state";
import { countUnread } from "../state/seen";
import { Finder } from "./finder";
import { HeaderMenu } from "./header-menu";
import { LineIndicator } from "./line-indicator";
import { Logo } from "./logo";
import classes from "./shell.module.css";
import { ShortcutList } from "./shortcut-list";
import { Troubles } from "./troubles";

interface Place {
  readonly href: string;
  readonly name: string;
  readonly icon: LucideIcon;
  readonly isHere: (path: string) => boolean;
}

const PLACES: readonly Place[] = [
  { href: "/", name: "Dashboard", icon: LayoutDashboard, isHere: (path) => path === "/" },
  { href: "/chat", name: "Chat", icon: MessageSquare, isHere: (path) => /^\/(chat|agents|threads)\b/.test(path) },
  { href: "/operations", name: "Operations", icon: Activity, isHere: (path) => path === "/operations" },
];

function Places({ className }: { readonly className: string | undefined }) {
  const [path] = useLocation();
  const unread = useUnread();
  return (
    <nav className={className} aria-label="Pages">
      {PLACES.map(({ href, name, icon: Icon, isHere }) => (
        <UnstyledButton
          key={href}
          component={Link}
          href={href}
          className={classes["place"] ?? ""}
          aria-current={isHere(path) ? "page" : undefined}
        >
          <Icon size={18} aria-hidden />
          <span>{name}</span>
          {href === "/chat" && unread > 0 && (
            <Badge size="sm" className={classes["badge"] ?? ""} circle={unread < 10} aria-label={`${unread} unread`}>
              {unread}
            </Badge>
          )}
        </UnstyledButton>
      ))}
    </nav>
  );
}

function useUnread(): number {
  return useApp((state) => countUnread(state.threads.data, state.seen));
}

/** The frame of every page: where one is, how the line is, and what holds everywhere. */
export function Shell({ children }: { readonly children: ReactNode }) {
  const [, navigate] = useLocation();
  const [isListOpen, list] = useDisclosure(false);
  const unread = useUnread();
  // The frame listens for as long as the page lives: the finder, the unread badges and the title need it.
  useManager(makeManager);
  useDocumentTitle(unread ? `(${unread}) Trunkline` : "Trunkline");
  useHotkeys([
    ["1", () => navigate("/")],
    ["2", () => navigate("/chat")],
    ["3", () => navigate("/operations")],
    ["shift+?", list.open],
    ["?", list.open],
  ]);
  return (
    <AppShell header={{ height: 56 }} footer={{ height: { base: 58, sm: 0 } }} padding={0}>
      <a href="#main" className="skip-link">
        Skip to the content
      </a>
      <AppShell.Header className={classes["header"] ?? ""}>
        <Group h="100%" px={{ base: "xs", xs: "md" }} gap="sm" justify="space-between" wrap="nowrap">
          <Group gap="lg" wrap="nowrap">
            <Link href="/" className={classes["brand"] ?? ""} aria-label="Trunkline, to the dashboard">
              <Logo size={26} />
              <Text component="span" fw={700} visibleFrom="xs">
                Trunkline
              </Text>
            </Link>
            <Places className={classes["top"]} />
          </Group>
          <Group gap="xs" wrap="nowrap" miw={0}>
            <LineIndicator />
            <Tooltip label="Find agents and threads">
              <ActionIcon variant="subtle" color="gray" aria-label="Find agents and threads" onClick={spotlight.open}>
                <Search size={18} />
              </ActionIcon>
            </Tooltip>
            <HeaderMenu listKeys={list.open} />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Main id="main" tabIndex={-1} className={classes["main"] ?? ""}>
        <Troubles />
        {children}
      </AppShell.Main>
      <AppShell.Footer hiddenFrom="sm">
        <Places className={classes["bottom"]} />
      </AppShell.Footer>
      <Finder />
      <ShortcutList isOpen={isListOpen} close={list.close} />
    </AppShell>
  );
}

const makeManager = (app: ConstructorParameters<typeof DashboardWsManager>[0]) => new DashboardWsManager(app);
