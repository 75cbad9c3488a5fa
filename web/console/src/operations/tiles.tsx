import { Text } from "@mantine/core";
import { useMemo } from "react";
import type { SystemSample, SystemStatus } from "../generated/agents";
import { countOf, medianOf } from "./lifetimes";
import { RECONNECTIONS } from "./metrics";
import { duration, type Quantity, quantityOf, textOf } from "./quantities";
import { gauge, type Reading } from "./readings";
import { Sparkline } from "./sparkline";
import classes from "./tiles.module.css";

/** Samples whose trend a tile shows: two minutes. */
const TREND = 120;

interface TileProps extends Quantity {
  readonly name: string;
  /** What is worth knowing beside it. */
  readonly beside: string;
  readonly trend?: readonly (number | null)[];
}

function Tile({ name, value, unit, beside, trend }: TileProps) {
  return (
    <div className={classes["tile"]}>
      <dt>{name}</dt>
      <dd>
        <span className={classes["value"]}>
          {value}
          {unit && <small> {unit}</small>}
        </span>
        <Text component="span" size="xs" c="dimmed" className={classes["beside"] ?? ""}>
          {beside}
        </Text>
        <span className={classes["trend"]}>{trend && <Sparkline values={trend} />}</span>
      </dd>
    </div>
  );
}

const TRENDS = {
  connections: gauge("connections"),
  reconnections: RECONNECTIONS,
  latency: gauge("latency_p50"),
  published: gauge("published"),
  delivered: gauge("delivered"),
  lagging: gauge("lagging"),
  lag: gauge("loop_lag"),
  running: gauge("runs_running"),
  subscriptions: gauge("subscriptions"),
  memory: gauge("memory"),
} satisfies Record<string, Reading>;

type Trends = Readonly<Record<keyof typeof TRENDS, readonly (number | null)[]>>;

function trendsOf(samples: readonly SystemSample[]): Trends {
  const first = Math.max(0, samples.length - TREND);
  const indexes = Array.from({ length: samples.length - first }, (_, index) => first + index);
  const read = ([name, reading]: [string, Reading]) => [name, indexes.map((index) => reading(samples, index))] as const;
  return Object.fromEntries(Object.entries(TRENDS).map(read)) as unknown as Trends;
}

interface TilesProps {
  readonly status: SystemStatus;
  readonly samples: readonly SystemSample[];
}

/** How the server is, in numbers. */
export function Tiles({ status, samples }: TilesProps) {
  const trends = useMemo(() => trendsOf(samples), [samples]);
  return (
    <dl className={classes["tiles"]}>
      {tilesOf(status, trends).map((tile) => (
        <Tile key={tile.name} {...tile} />
      ))}
    </dl>
  );
}

function tilesOf({ sample, lifetimes }: SystemStatus, trends: Trends): readonly TileProps[] {
  const median = medianOf(lifetimes);
  return [
    {
      name: "Active connections",
      ...quantityOf(sample.connections, "count"),
      beside: `${textOf(sample.opened, "count")} opened in all`,
      trend: trends.connections,
    },
    {
      name: "Median lifetime",
      value: median ? `${median.isAtLeast ? "over " : ""}${duration(median.seconds)}` : "–",
      unit: "",
      beside: `of ${textOf(countOf(lifetimes), "count")} that have ended`,
    },
    {
      name: "Reconnections",
      ...quantityOf(trends.reconnections.at(-1), "per minute"),
      beside: `${textOf(sample.resumed, "count")} resumed, ${textOf(sample.refetched, "count")} anew`,
      trend: trends.reconnections,
    },
    {
      name: "Message latency, p50",
      ...quantityOf(sample.latency_p50, "milliseconds"),
      beside: `p99 ${textOf(sample.latency_p99, "milliseconds")}`,
      trend: trends.latency,
    },
    {
      name: "Events published",
      ...quantityOf(sample.published, "per second"),
      beside: "each taken once",
      trend: trends.published,
    },
    {
      name: "Events delivered",
      ...quantityOf(sample.delivered, "per second"),
      beside: `${textOf(sample.subscriptions, "count")} subscriptions`,
      trend: trends.delivered,
    },
    {
      name: "Lagging clients",
      ...quantityOf(sample.lagging, "count"),
      beside: `${textOf(sample.queued_bytes, "bytes")} queued`,
      trend: trends.lagging,
    },
    {
      name: "Streams begun anew",
      ...quantityOf(sample.resets, "count"),
      beside: `${textOf(sample.gaps, "count")} gaps, ${textOf(sample.duplicates, "count")} doubled, repaired`,
    },
    {
      name: "Topics",
      ...quantityOf(sample.topics, "count"),
      beside: `${textOf(sample.subscriptions, "count")} subscriptions`,
      trend: trends.subscriptions,
    },
    {
      name: "Answers in progress",
      ...quantityOf(sample.runs_running, "count"),
      beside: `${textOf(sample.runs_queued, "count")} queued`,
      trend: trends.running,
    },
    {
      name: "Event loop lag",
      ...quantityOf(sample.loop_lag, "milliseconds"),
      beside: "at worst in a second",
      trend: trends.lag,
    },
    { name: "Memory", ...quantityOf(sample.memory, "bytes"), beside: "resident", trend: trends.memory },
  ];
}
