/** What a number counts, which says how it is written. */
export type Unit = "count" | "per second" | "per minute" | "milliseconds" | "bytes" | "seconds";

/** A number for people: what is written large, and its unit. */
export interface Quantity {
  readonly value: string;
  readonly unit: string;
}

const NOTHING: Quantity = { value: "–", unit: "" };
const BYTES = ["B", "KB", "MB", "GB", "TB"] as const;
const RATES: Partial<Record<Unit, string>> = { "per second": "/s", "per minute": "/min" };

/** Write a number of this unit; none is a dash. */
export function quantityOf(value: number | null | undefined, unit: Unit): Quantity {
  if (value === null || value === undefined || !Number.isFinite(value)) {
    return NOTHING;
  }
  switch (unit) {
    case "bytes":
      return bytes(value);
    case "milliseconds":
      return value < 999.5 ? { value: digits(value), unit: "ms" } : { value: digits(value / 1000), unit: "s" };
    case "seconds":
      return { value: duration(value), unit: "" };
    default:
      return { value: compact(value), unit: RATES[unit] ?? "" };
  }
}

/** A quantity in one piece: "12 ms". */
export function textOf(value: number | null | undefined, unit: Unit): string {
  const written = quantityOf(value, unit);
  const isRate = written.unit.startsWith("/");
  return written.unit ? `${written.value}${isRate ? "" : " "}${written.unit}` : written.value;
}

/** Seconds as its two largest parts: "45 s", "3 min 5 s", "2 h 4 min", "3 d 1 h". */
export function duration(seconds: number): string {
  if (seconds < 10) {
    return `${digits(Math.max(0, seconds))} s`;
  }
  const whole = Math.floor(seconds);
  if (whole < 60) {
    return `${whole} s`;
  }
  if (whole < 3_600) {
    return parts(whole, 60, "min", 1, "s");
  }
  return whole < 86_400 ? parts(whole, 3_600, "h", 60, "min") : parts(whole, 86_400, "d", 3_600, "h");
}

function parts(seconds: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((seconds % large) / small);
  return `${Math.floor(seconds / large)} ${largeName}${rest ? ` ${rest} ${smallName}` : ""}`;
}

function bytes(value: number): Quantity {
  let scaled = value;
  let step = 0;
  while (scaled >= 999.5 && step < BYTES.length - 1) {
    scaled /= 1000;
    step += 1;
  }
  return { value: digits(scaled), unit: BYTES[step] ?? "" };
}

/** About three digits, without those that say nothing. */
function digits(value: number): string {
  const places = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return String(Number(value.toFixed(places)));
}

/** Small numbers as they are, in groups of three; large ones in thousands and millions. */
function compact(value: number): string {
  if (value < 10_000) {
    return value < 1_000 ? digits(value) : Math.round(value).toLocaleString("en");
  }
  return value < 1_000_000 ? `${digits(value / 1000)} k` : `${digits(value / 1_000_000)} M`;
}

const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "medium", hourCycle: "h23" });
const SHORT_CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "short", hourCycle: "h23" });

/** The time of day, to the second. */
export function clockOf(milliseconds: number): string {
  return CLOCK.format(milliseconds);
}

/** The time of day, to the minute. */
export function shortClockOf(milliseconds: number): string {
  return SHORT_CLOCK.format(milliseconds);
}
