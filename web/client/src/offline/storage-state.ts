/** Whether calls that wait outlive the page, and if not, a sentence that says why. */
export type StorageState = { readonly kind: "kept" } | { readonly kind: "memory"; readonly reason: string };

export const KEPT: StorageState = { kind: "kept" };

const LOST = "messages that wait to be sent are lost if this page closes";

/** What to tell a person where there is no store. */
export const NO_STORE: StorageState = { kind: "memory", reason: `Nothing was set up to keep them, so ${LOST}.` };

/** What to tell a person about a store that failed. */
export function inMemory(error: unknown): StorageState {
  return { kind: "memory", reason: `${cause(error)}, so ${LOST}.` };
}

function cause(error: unknown): string {
  const { name } = Object(error) as { readonly name?: string };
  switch (name) {
    case "QuotaExceededError":
      return "The storage that this browser gives to the page is full";
    case "SecurityError":
    case "InvalidStateError":
    case "UnknownError":
      return "This browser does not let the page store anything";
    case "TimeoutError":
      return "The storage of this browser does not answer";
    case "NoIndexedDB":
      return "This browser has no IndexedDB here";
    default:
      return `Storing failed (${String(error)})`;
  }
}
