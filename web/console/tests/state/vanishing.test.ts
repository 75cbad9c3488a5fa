import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { useApp } from "../../src/state/app-state";
import { Deletions, UNDO_TIME } from "../../src/state/vanishing";

const asked: string[] = [];
let status = 204;

beforeEach(() => {
  asked.length = 0;
  status = 204;
  vi.useFakeTimers();
  vi.stubGlobal("fetch", async (request: Request) => {
    asked.push(`${request.method} ${new URL(request.url).pathname}`);
    const problem = JSON.stringify({ detail: "The storage is not available." });
    return new Response(status === 204 ? null : problem, {
      status,
      headers: { "Content-Type": "application/problem+json" },
    });
  });
  useApp.setState({ vanishing: { agents: new Set(), threads: new Set() } });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const failed = vi.fn();

test("a deletion is shown at once and done when it can no longer be undone", async () => {
  new Deletions(failed).begin("agents", 7);
  expect(useApp.getState().vanishing.agents).toEqual(new Set([7]));
  await vi.advanceTimersByTimeAsync(UNDO_TIME * 1000 - 1);
  expect(asked).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(asked).toEqual(["DELETE /api/agents/7"]);
});

test("what is undone is there again, and never deleted", async () => {
  const undo = new Deletions(failed).begin("threads", 3);
  undo();
  expect(useApp.getState().vanishing.threads).toEqual(new Set());
  await vi.advanceTimersByTimeAsync(UNDO_TIME * 2000);
  expect(asked).toEqual([]);
});

test("a page that goes away deletes at once, and only once", async () => {
  new Deletions(failed).begin("threads", 4);
  dispatchEvent(new Event("pagehide"));
  await vi.advanceTimersByTimeAsync(UNDO_TIME * 2000);
  expect(asked).toEqual(["DELETE /api/threads/4"]);
});

test("what could not be deleted is there again, with a sentence", async () => {
  status = 503;
  new Deletions(failed).begin("agents", 7);
  await vi.advanceTimersByTimeAsync(UNDO_TIME * 1000);
  expect(useApp.getState().vanishing.agents).toEqual(new Set());
  expect(failed).toHaveBeenCalledExactlyOnceWith("The storage is not available.");
});

test("what somebody else deleted meanwhile stays gone, without a word", async () => {
  failed.mockClear();
  status = 404;
  new Deletions(failed).begin("agents", 7);
  await vi.advanceTimersByTimeAsync(UNDO_TIME * 1000);
  expect(useApp.getState().vanishing.agents).toEqual(new Set([7]));
  expect(failed).not.toHaveBeenCalled();
});
