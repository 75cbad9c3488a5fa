import type { Unit } from "./quantities";
import { gauge, perMinute, type Reading } from "./readings";

/** A line of a plot. */
export interface Series {
  readonly name: string;
  readonly read: Reading;
}

/** A plot of numbers of one unit over time. */
export interface PlotSpec {
  readonly name: string;
  readonly unit: Unit;
  /** What it shows, for whom the name is not enough. */
  readonly about: string;
  readonly series: readonly Series[];
}

/** Subscriptions that came back a minute: the frequency of reconnecting. */
export const RECONNECTIONS = perMinute("resumed", "refetched");

export const PLOTS: readonly PlotSpec[] = [
  {
    name: "Connections",
    unit: "count",
    about: "Open WebSockets, and those that read more slowly than they are sent to.",
    series: [
      { name: "open", read: gauge("connections") },
      { name: "lagging", read: gauge("lagging") },
    ],
  },
  {
    name: "Coming and going",
    unit: "per minute",
    about: "WebSockets opened and closed, and subscriptions that are back after a cut, in the minute before.",
    series: [
      { name: "opened", read: perMinute("opened") },
      { name: "closed", read: perMinute("closed") },
      { name: "back", read: RECONNECTIONS },
    ],
  },
  {
    name: "Message latency",
    unit: "milliseconds",
    about: "From queueing an event to the end of the write that carried it.",
    series: [
      { name: "p50", read: gauge("latency_p50") },
      { name: "p99", read: gauge("latency_p99") },
    ],
  },
  {
    name: "Events",
    unit: "per second",
    about: "Events that were published, and their copies that were queued for connections.",
    series: [
      { name: "published", read: gauge("published") },
      { name: "delivered", read: gauge("delivered") },
    ],
  },
  {
    name: "Queued for slow clients",
    unit: "bytes",
    about: "Bytes that wait to be written, of all connections.",
    series: [{ name: "queued", read: gauge("queued_bytes") }],
  },
  {
    name: "Event loop lag",
    unit: "milliseconds",
    about: "How late the server's event loop ran at worst.",
    series: [{ name: "lag", read: gauge("loop_lag") }],
  },
  {
    name: "Answers in progress",
    unit: "count",
    about: "Runs that a model is writing, and those that wait for their turn.",
    series: [
      { name: "running", read: gauge("runs_running") },
      { name: "queued", read: gauge("runs_queued") },
    ],
  },
  {
    name: "Memory",
    unit: "bytes",
    about: "Memory of the server's process (RSS).",
    series: [{ name: "resident", read: gauge("memory") }],
  },
];
