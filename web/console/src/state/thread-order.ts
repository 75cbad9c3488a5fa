import type { Thread, ThreadActivity } from "../generated/agents";

/** Orders threads: the one where something happened last comes first. */
export function newestFirst(activity: ReadonlyMap<number, ThreadActivity>): (a: Thread, b: Thread) => number {
  const lastTime = ({ id, updated_at }: Thread) => {
    const run = activity.get(id)?.last_run;
    const ended = run?.finished_at ?? run?.started_at ?? run?.created_at ?? "";
    return ended > updated_at ? ended : updated_at;
  };
  return (a, b) => lastTime(b).localeCompare(lastTime(a)) || b.id - a.id;
}
