import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { describeLoss } from "../../src/shell/header-menu";
import { leaveWithOthers, signOut } from "../../src/shell/sign-out";
import type { App } from "../../src/state/app-state";
import { BrowserStorage } from "../../src/state/browser-storage";

const happened: string[] = [];
const leave = () => happened.push("leave");

/** The parts of the page that signing out touches; each notes what it is asked. */
function page(): App {
  const line = { close: () => happened.push("close"), start: () => happened.push("start") };
  const keeper = { clear: async () => happened.push("clear") };
  return { client: { line }, keeper, storage: new BrowserStorage() } as unknown as App;
}

function answerWith(status: number): void {
  vi.stubGlobal("fetch", async (path: string, { method }: RequestInit) => {
    happened.push(`${method} ${path}`);
    return new Response(null, { status });
  });
}

beforeEach(() => {
  happened.length = 0;
  localStorage.clear();
});
afterEach(() => vi.unstubAllGlobals());

it("forgets what is kept before the session ends, and what was about to be kept after it", async () => {
  answerWith(204);
  const app = page();
  app.storage.write("draft", "Hello");
  await signOut(app, leave);
  expect(happened).toEqual(["close", "clear", "POST /logout", "clear", "leave"]);
  expect(localStorage).toHaveLength(0);
});

it.each([0, 500])("goes on, and keeps drafts, where the server does not end the session (%d)", async (status) => {
  if (status) {
    answerWith(status);
  } else {
    vi.stubGlobal("fetch", async () => {
      throw new TypeError("Failed to fetch");
    });
  }
  const app = page();
  app.storage.write("draft", "Hello");
  await expect(signOut(app, leave)).rejects.toMatchObject({ name: "Failure", status });
  expect(happened.at(-1)).toBe("start");
  expect(happened).not.toContain("leave");
  expect(app.storage.read("draft", "")).toBe("Hello");
});

it("takes the other tabs along", () => {
  const stop = leaveWithOthers(page(), leave);
  window.dispatchEvent(new StorageEvent("storage", { key: "trunkline.signed-out", newValue: "true" }));
  expect(happened).toEqual(["close", "leave"]);
  stop();
  window.dispatchEvent(new StorageEvent("storage", { key: "trunkline.signed-out", newValue: "true" }));
  expect(happened).toHaveLength(2);
});

it("says what would be lost", () => {
  expect(describeLoss(0)).not.toContain("lost");
  expect(describeLoss(1)).toContain("1 message was not sent, and is lost");
  expect(describeLoss(3)).toContain("3 messages were not sent, and are lost");
});
