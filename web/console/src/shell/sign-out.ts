import { endSession } from "../api/session";
import type { App } from "../state/app-state";

/** The name under which one tab tells the others that nobody is signed in any more. */
const SIGNED_OUT = "signed-out";

/**
 * End the session of this browser, and forget what it keeps of its user; calls that wait are given up.
 *
 * Throws `Failure` if the server did not end it; the page goes on then, and what waits is still sent.
 */
export async function signOut({ client, keeper, storage }: App, leave = goToLogin): Promise<void> {
  client.line.close();
  try {
    await keeper?.clear();
    await endSession();
  } catch (error) {
    client.line.start();
    throw error;
  }
  // Once more: something may have been about to be kept when the line was closed.
  await keeper?.clear();
  storage.clear();
  storage.write(SIGNED_OUT, true);
  storage.remove(SIGNED_OUT);
  leave();
}

/** Leave when another tab has signed out; returns what ends it. */
export function leaveWithOthers({ client, storage }: App, leave = goToLogin): () => void {
  return storage.onChange(SIGNED_OUT, () => {
    client.line.close();
    leave();
  });
}

function goToLogin(): void {
  location.assign("/login");
}
