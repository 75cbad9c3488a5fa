import type { Thread } from "../generated/agents";

/** What a thread is called on the page. */
export function titleOf({ title, id }: Pick<Thread, "title" | "id">): string {
  return title.trim() || `Thread ${id}`;
}

const TITLE_LENGTH = 60;

/** A title made of the first line of what was said first. */
export function titleFrom(content: string): string {
  const line = content.trim().split("\n", 1)[0] ?? "";
  const characters = [...line];
  return characters.length <= TITLE_LENGTH ? line : `${characters.slice(0, TITLE_LENGTH - 1).join("")}…`;
}
