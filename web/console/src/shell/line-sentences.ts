import { CLOSE_SENTENCES } from "@trunkline/client/codes";
import type { LineStatus } from "../state/line-status";

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
    return { tone: "closed", text: "Disconnected", more: sentenceOfLine(line) };
  }
  const kept = waiting ? ` · ${waiting} waiting` : "";
  if (!line.wasUp && line.state !== "waiting") {
    return { tone: "busy", text: `Connecting…${kept}`, more: "The page is opening its line to the server." };
  }
  const more = `${sentenceOfLine(line)} What you do meanwhile is kept and sent when the line is back.`;
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

/** Why the line is not up. */
export function sentenceOfLine({ code, reason }: Pick<LineStatus, "code" | "reason">): string {
  return reason || sentenceOfCode(code) || "The line to the server was lost.";
}

/** Close codes of RFC 6455 that no server of this protocol sends, but browsers tell. */
const BROWSER_CODES: Readonly<Record<number, string>> = {
  1005: "The connection was closed without saying why.",
  1006: "The connection was cut, or could not be opened.",
};

/** What a close code means; empty if there is none, or an unknown one. */
export function sentenceOfCode(code: number | undefined): string {
  return code === undefined ? "" : (CLOSE_SENTENCES[code] ?? BROWSER_CODES[code] ?? "");
}
