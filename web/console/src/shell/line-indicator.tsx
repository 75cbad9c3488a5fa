import { Button, Group, Text, Tooltip } from "@mantine/core";
import { CLOSE_SENTENCES, UNAUTHENTICATED } from "@trunkline/client/codes";
import { logIn } from "../api/session";
import { useConsole } from "../console-context";
import { useApp } from "../state/app-state";
import type { LineStatus } from "../state/line-status";
import classes from "./line-indicator.module.css";
import { useIsOnline, useNow } from "./use-surroundings";

/** Seconds for which the page tells what it caught up on. */
const TOLD_FOR = 6;

export type LineTone = "live" | "busy" | "down" | "closed";

/** What the page says of its line: a few words, how serious it is, and for whom it wants to know more. */
export interface LineSentence {
  readonly tone: LineTone;
  readonly text: string;
  readonly more: string;
}

/** Say in words how the line is. `waiting` is the number of calls that wait for it. */
export function describeLine(line: LineStatus, now: number, waiting: number, isOnline: boolean): LineSentence {
  if (line.state === "connected") {
    return { tone: "live", text: describeRecovery(line, now), more: "Everything on this page is up to date." };
  }
  if (line.state === "closed") {
    return { tone: "closed", text: "Disconnected", more: sentenceOf(line) };
  }
  const kept = waiting ? ` · ${waiting} waiting` : "";
  if (!line.wasUp && line.state !== "waiting") {
    return { tone: "busy", text: `Connecting…${kept}`, more: "The page is opening its line to the server." };
  }
  const more = `${sentenceOf(line)} What you do meanwhile is kept and sent when the line is back.`;
  return { tone: "down", text: (isOnline ? describeRetry(line, now) : "Offline") + kept, more };
}

function describeRecovery({ recovered, since }: LineStatus, now: number): string {
  const isFresh = recovered > 0 && now - since < TOLD_FOR * 1000;
  return isFresh ? `Live · recovered ${recovered} ${recovered === 1 ? "event" : "events"}` : "Live";
}

function describeRetry({ retryAt }: LineStatus, now: number): string {
  return retryAt === undefined
    ? "Reconnecting…"
    : `Reconnecting in ${Math.max(0, Math.ceil((retryAt - now) / 1000))} s`;
}

function sentenceOf({ code, reason }: LineStatus): string {
  return reason || (code !== undefined && CLOSE_SENTENCES[code]) || "The line to the server was lost.";
}

/** The state of the line, in the frame of every page. */
export function LineIndicator() {
  const app = useConsole();
  const line = useApp((state) => state.line);
  const waiting = useApp((state) => state.outgoing.filter(({ state }) => state !== "failed").length);
  const isTicking = line.state === "waiting" || (line.state === "connected" && line.recovered > 0);
  const { tone, text, more } = describeLine(line, useNow(isTicking), waiting, useIsOnline());
  return (
    <Group gap="xs" wrap="nowrap" data-line={line.state}>
      <Tooltip label={more} multiline maw={320} events={{ hover: true, focus: true, touch: true }}>
        <Text component="span" size="sm" className={classes["status"]} data-tone={tone} tabIndex={0}>
          <span className={classes["dot"]} aria-hidden />
          {text}
        </Text>
      </Tooltip>
      {line.state === "waiting" && (
        <Button size="compact-xs" variant="default" onClick={() => app.client.line.start()}>
          Now
        </Button>
      )}
      {line.state === "closed" &&
        (line.code === UNAUTHENTICATED ? (
          <Button size="compact-xs" onClick={logIn}>
            Log in
          </Button>
        ) : (
          <Button size="compact-xs" onClick={() => app.client.line.start()}>
            Connect
          </Button>
        ))}
      {/* The count of seconds is not read out, and neither is a recovery that lasted a moment. */}
      <span className="visually-hidden" role="status">
        {tone === "live" ? "" : text.replace(/ in \d+ s/, "")}
      </span>
    </Group>
  );
}
