import { Text, Title } from "@mantine/core";
import { useId } from "react";
import type { Lifetimes } from "../generated/agents";
import { bucketsOf, countOf, medianOf } from "./lifetimes";
import classes from "./lifetimes-table.module.css";
import { duration, textOf } from "./quantities";

/** How long connections lasted that have ended: a histogram that is a table. */
export function LifetimesTable({ lifetimes }: { readonly lifetimes: Lifetimes }) {
  const id = useId();
  const buckets = bucketsOf(lifetimes);
  const most = Math.max(...buckets.map(({ share }) => share), Number.MIN_VALUE);
  return (
    <section className={classes["panel"]} aria-labelledby={id}>
      <div className={classes["head"]}>
        <Title order={3} size="sm" id={id}>
          Lifetimes of connections
        </Title>
        <Text size="xs" c="dimmed" component="span">
          {sentenceOf(lifetimes)}
        </Text>
      </div>
      <table className={classes["bars"]}>
        <thead className="visually-hidden">
          <tr>
            <th scope="col">Lifetime</th>
            <th scope="col">Share</th>
            <th scope="col">Connections</th>
          </tr>
        </thead>
        <tbody>
          {buckets.map(({ name, count, share }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td className={classes["track"]}>
                <span className={classes["bar"]} style={{ width: `${(share / most) * 100}%` }} />
                <span className="visually-hidden">{Math.round(share * 100)} %</span>
              </td>
              <td>{textOf(count, "count")}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function sentenceOf(lifetimes: Lifetimes): string {
  const median = medianOf(lifetimes);
  const count = countOf(lifetimes);
  if (!median) {
    return "No connection has ended since the start.";
  }
  const half = median.isAtLeast ? `more than ${duration(median.seconds)}` : duration(median.seconds);
  return `Median ${half}, of ${textOf(count, "count")} ended since the start`;
}
