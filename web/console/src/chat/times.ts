const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const WHOLE = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

/** When something was said: the time of today, or day and time. */
export function shortTime(time: string, now: number): string {
  const date = new Date(time);
  return (date.toDateString() === new Date(now).toDateString() ? TIME : DAY).format(date);
}

export function wholeTime(time: string): string {
  return WHOLE.format(new Date(time));
}
