import { CLOSE_SENTENCES, UNAUTHENTICATED } from "@trunkline/client/codes";
import type { LineStatus } from "../state/line-status";

/** Milliseconds for which the page tells what it caught up on. */
const TOLD_FOR = 6_000;

/** The shortest wait, in milliseconds, that is worth counting down. */
const WORTH_COUNTING = 1_500;

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
    const text = isRecoveryFresh(line, now) ? `Live · recovered ${counted(line.recovered, "event")}` : "Live";
    return { tone: "live", text, more: "Everything on this page is up to date." };
  }
  if (line.state === "closed") {
    const text = line.code === UNAUTHENTICATED ? "Signed out" : "Disconnected";
    return { tone: "closed", text, more: sentenceOfLine(line) };
  }
  const kept = waiting ? ` · ${waiting} waiting` : "";
  if (!line.wasUp && line.state !== "waiting") {
    return { tone: "busy", text: `Connecting…${kept}`, more: "The page is opening its line to the server." };
  }
  const text = (isOnline ? describeRetry(line, now) : "Offline") + kept;
  const why = isOnline ? sentenceOfLine(line) : "This device has no network.";
  return { tone: "down", text, more: `${why} ${whatWaits(waiting)}` };
}

function whatWaits(waiting: number): string {
  return waiting
    ? `${counted(waiting, "message")} of yours ${waiting === 1 ? "waits" : "wait"} here, and will be sent when the line is back.`
    : "What you do meanwhile is kept here, and sent when the line is back.";
}

function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}

/** Whether what was caught up on is news. */
export function isRecoveryFresh({ recovered, since }: LineStatus, now: number): boolean {
  return recovered > 0 && now - since < TOLD_FOR;
}

/** Whether the next try is far enough away to be waited for, or asked for now. */
export function isWorthCounting({ state, retryAt, since }: LineStatus): boolean {
  return state === "waiting" && retryAt !== undefined && retryAt - since >= WORTH_COUNTING;
}

function describeRetry(line: LineStatus, now: number): string {
  const verb = line.wasUp ? "Reconnecting" : "Connecting";
  const left = Math.ceil(((line.retryAt ?? now) - now) / 1000);
  return isWorthCounting(line) && left > 0 ? `${verb} in ${left} s` : `${verb}…`;
}

/** Why the line is not up, in a sentence. */
export function sentenceOfLine({ code, reason }: Pick<LineStatus, "code" | "reason">): string {
  return sentenceOfCode(code) || asSentence(reason) || "The line to the server was lost.";
}

/** Why a page shows nothing new, in a sentence: a line that was given up has a reason, others just wait for the server. */
export function whyBehind(line: Pick<LineStatus, "state" | "code" | "reason">): string {
  return line.state === "closed" ? sentenceOfLine(line) : "The server cannot be reached.";
}

/** What close codes mean to who looks at this page, and what to do where it does not pass by itself. */
const SENTENCES: Readonly<Record<number, string>> = {
  1001: "The server is going away.",
  1005: "The connection was closed without saying why.",
  1006: "The connection was cut, or could not be opened.",
  1012: "The server is restarting.",
  4000: "This page read too slowly, and was let go to catch up.",
  4001: "Nothing was heard from the server in time.",
  4002: "The server is restarting.",
  4003: "The server has too much to do.",
  4500: "Your session has ended. Log in again; what you wrote is kept.",
  4501: "The server takes no pages from this address. Open the address that it printed when it started.",
  4502: "This page and the server do not understand each other. Reload the page.",
  4503: "You have too many connections. Close other tabs and browsers, then connect.",
  4504: "Something larger was sent than the server takes. Shorten it, then connect.",
  4505: "This page sent too much at once. Wait a minute, then connect.",
};

/** What a close code means; empty if there is none, or an unknown one. */
export function sentenceOfCode(code: number | undefined): string {
  return code === undefined ? "" : (SENTENCES[code] ?? CLOSE_SENTENCES[code] ?? "");
}

/** A reason as it is given by programs, with a capital and an end. */
export function asSentence(reason: string): string {
  const begun = reason.charAt(0).toUpperCase() + reason.slice(1);
  return !begun || /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
