import { ActionIcon, Button, Group, Text, Tooltip } from "@mantine/core";
import { UNAUTHENTICATED } from "@trunkline/client/codes";
import { RotateCw } from "lucide-react";
import { logIn } from "../api/session";
import { useConsole } from "../console-context";
import { useApp } from "../state/app-state";
import type { LineStatus } from "../state/line-status";
import classes from "./line-indicator.module.css";
import { describeLine, isRecoveryFresh, isWorthCounting } from "./line-sentences";
import { useIsOnline, useNow } from "./use-surroundings";

/** The state of the line, in the frame of every page. */
export function LineIndicator() {
  const line = useApp((state) => state.line);
  const waiting = useApp((state) => state.outgoing.filter(({ state }) => state !== "failed").length);
  const isTicking = line.state === "waiting" || (line.state === "connected" && isRecoveryFresh(line, Date.now()));
  const { tone, text, more } = describeLine(line, useNow(isTicking), waiting, useIsOnline());
  return (
    <Group gap={6} wrap="nowrap" miw={0} data-line={line.state}>
      <Tooltip label={more} multiline maw={320} events={{ hover: true, focus: true, touch: true }}>
        <Text component="span" size="sm" className={classes["status"]} data-tone={tone} tabIndex={0}>
          <span className={classes["dot"]} aria-hidden />
          <span className={classes["text"]}>{text}</span>
        </Text>
      </Tooltip>
      <LineAction line={line} />
      {/* The count of seconds is not read out, and neither is a recovery that lasted a moment. */}
      <span className="visually-hidden" role="status">
        {tone === "live" ? "" : text.replace(/ in \d+ s/, "")}
      </span>
    </Group>
  );
}

/** What a person can do about a line that is not up. */
function LineAction({ line }: { readonly line: LineStatus }) {
  const { client } = useConsole();
  if (line.state === "closed" && line.code === UNAUTHENTICATED) {
    return (
      <Button size="compact-xs" onClick={logIn}>
        Log in
      </Button>
    );
  }
  if (line.state === "closed") {
    return (
      <Button size="compact-xs" onClick={() => client.line.start()}>
        Connect
      </Button>
    );
  }
  return isWorthCounting(line) ? (
    <>
      <Button size="compact-xs" variant="default" onClick={() => client.line.start()} visibleFrom="xs">
        Now
      </Button>
      <ActionIcon
        size="sm"
        variant="default"
        aria-label="Reconnect now"
        onClick={() => client.line.start()}
        hiddenFrom="xs"
      >
        <RotateCw size={14} />
      </ActionIcon>
    </>
  ) : null;
}
