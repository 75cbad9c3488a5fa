import type { components } from "../generated/rest";
import type { BrowserStorage } from "../state/browser-storage";
import type { ServerClock } from "../state/server-clock";
import { failureOf, unreachable } from "./failure";

const NAME = "user";

/** Who uses this page, so that nobody sees what another left; the one of last time while the server does not answer. */
export async function whoAmI(storage: BrowserStorage, clock: ServerClock): Promise<string> {
  try {
    const answer = await fetch("/api/session", { headers: { Accept: "application/json" } });
    clock.hear(answer.headers.get("Date"));
    if (answer.ok) {
      const { principal } = (await answer.json()) as { readonly principal: string };
      storage.write(NAME, principal);
      return principal;
    }
  } catch {
    // No server: the page shows what it kept, and says that the line is down.
  }
  return storage.read(NAME, "local");
}

/** The session of this browser. Throws `Failure` if there is none, or no server. */
export async function readSession(): Promise<components["schemas"]["Session"]> {
  const answer = await ask("/api/session");
  return answer.json();
}

/** Go to the login page, and come back to this one. */
export function logIn(): void {
  location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
}

/** Have the server forget this browser's session. Throws `Failure` if it did not. */
export async function endSession(): Promise<void> {
  await ask("/logout", { method: "POST" });
}

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(path, init);
  } catch {
    throw unreachable();
  }
  if (!answer.ok) {
    throw failureOf(answer.status, undefined);
  }
  return answer;
}
