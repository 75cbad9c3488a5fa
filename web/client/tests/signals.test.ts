// @vitest-environment happy-dom
import { afterEach, expect, test, vi } from "vitest";
import { browserSignals, type Signal } from "../src/signals.js";

afterEach(() => {
  vi.unstubAllGlobals();
});

function pageTransition(type: string, persisted: boolean): Event {
  return Object.assign(new Event(type), { persisted });
}

test("a page's events are signals, until nobody listens", () => {
  const seen: Signal[] = [];
  const stop = browserSignals((signal) => seen.push(signal));
  const visibility = vi.spyOn(document, "visibilityState", "get");
  const happen = () => {
    window.dispatchEvent(new Event("online"));
    window.dispatchEvent(new Event("offline"));
    window.dispatchEvent(pageTransition("pageshow", true));
    visibility.mockReturnValue("hidden");
    document.dispatchEvent(new Event("visibilitychange"));
    visibility.mockReturnValue("visible");
    document.dispatchEvent(new Event("visibilitychange"));
    window.dispatchEvent(pageTransition("pagehide", false));
    window.dispatchEvent(pageTransition("pagehide", true));
  };
  happen();
  expect(seen).toEqual(["wake", "doubt", "wake", "wake", "suspend"]);
  stop();
  happen();
  expect(seen).toHaveLength(5);
});

test("where there are no such events there are no signals", () => {
  vi.stubGlobal("addEventListener", undefined);
  vi.stubGlobal("document", undefined);
  browserSignals(() => {})();
});
