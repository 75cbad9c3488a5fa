import type { BrowserStorage } from "../state/browser-storage";
import type { ServerClock } from "../state/server-clock";

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

/** Go to the login page, and come back to this one. */
export function logIn(): void {
  location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
}
