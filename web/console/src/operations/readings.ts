import type { SystemSample } from "../generated/agents";

/** What is read of the sample at `index`; null where nothing can be said. */
export type Reading = (samples: readonly SystemSample[], index: number) => number | null;

type Numbers = {
  [Key in keyof SystemSample]: SystemSample[Key] extends number | null ? Key : never;
}[keyof SystemSample];

/** Seconds over which events that are rare are counted. */
const MINUTE = 60;

/** The shortest time, in seconds, that tells a frequency a minute. */
const LEAST = 5;

/** A number that each sample has. */
export function gauge(key: Numbers): Reading {
  return (samples, index) => samples[index]?.[key] ?? null;
}

/** How much counters of the server grew in the minute before, all together. */
export function perMinute(...counters: readonly Numbers[]): Reading {
  return (samples, index) => {
    const last = samples[index];
    const first = last && samples[startOf(samples, index)];
    if (!last || !first || last.uptime - first.uptime < LEAST) {
      return null;
    }
    const grown = sum(last, counters) - sum(first, counters);
    return (Math.max(0, grown) * MINUTE) / (last.uptime - first.uptime);
  };
}

function sum(sample: SystemSample, counters: readonly Numbers[]): number {
  return counters.reduce((total, counter) => total + (sample[counter] ?? 0), 0);
}

/** The first sample of the minute before `index` that is of the same life of the server, whose counters go on. */
function startOf(samples: readonly SystemSample[], index: number): number {
  const uptime = samples[index]?.uptime ?? 0;
  let start = index;
  for (let earlier = index - 1; earlier >= 0; earlier -= 1) {
    const before = samples[earlier];
    const after = samples[start];
    if (!before || !after || before.uptime >= after.uptime || uptime - before.uptime > MINUTE) {
      break;
    }
    start = earlier;
  }
  return start;
}

/** Seconds between two samples above which something is missing between them. */
const GAP = 2.5;

/** Columns of equal length: times in seconds, then each reading, with a row of nothing wherever samples are missing. */
export interface Columns {
  readonly times: number[];
  readonly values: (number | null)[][];
}

export function columnsOf(samples: readonly SystemSample[], readings: readonly Reading[]): Columns {
  const times: number[] = [];
  const values = readings.map((): (number | null)[] => []);
  samples.forEach((sample, index) => {
    const time = Date.parse(sample.time) / 1000;
    const before = times.at(-1);
    if (before !== undefined && time - before > GAP) {
      times.push(before + 1);
      for (const column of values) {
        column.push(null);
      }
    }
    times.push(time);
    readings.forEach((read, row) => {
      values[row]?.push(read(samples, index));
    });
  });
  return { times, values };
}

/** The rows from a time on, and one before it, so that lines reach the edge. */
export function since({ times, values }: Columns, from: number): Columns {
  const first = times.findIndex((time) => time >= from);
  const start = first < 0 ? times.length : Math.max(0, first - 1);
  return { times: times.slice(start), values: values.map((column) => column.slice(start)) };
}

/** The lowest and highest of a column, and the newest; null where it is empty. */
export interface Range {
  readonly now: number | null;
  readonly least: number | null;
  readonly most: number | null;
}

export function rangeOf(column: readonly (number | null)[]): Range {
  let least: number | null = null;
  let most: number | null = null;
  for (const value of column) {
    if (value !== null) {
      least = least === null || value < least ? value : least;
      most = most === null || value > most ? value : most;
    }
  }
  return { now: column.at(-1) ?? null, least, most };
}

/** Means of a column over steps of a length in seconds, the newest step first. */
export interface Step {
  readonly time: number;
  readonly means: readonly (number | null)[];
}

export function stepsOf({ times, values }: Columns, length: number): readonly Step[] {
  const rows = new Map<number, number[]>();
  times.forEach((time, index) => {
    const step = Math.floor(time / length) * length;
    rows.set(step, [...(rows.get(step) ?? []), index]);
  });
  return [...rows]
    .map(([time, indexes]) => ({ time, means: values.map((column) => mean(indexes.map((index) => column[index]))) }))
    .reverse();
}

function mean(values: readonly (number | null | undefined)[]): number | null {
  const known = values.filter((value) => value !== null && value !== undefined);
  return known.length ? known.reduce((total, value) => total + value, 0) / known.length : null;
}
