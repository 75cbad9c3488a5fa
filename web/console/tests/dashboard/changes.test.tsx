import { act, render } from "@testing-library/react";
import { afterEach, describe, expect, test, vi } from "vitest";
import { changesAfter, NO_CHANGES, useHighlight } from "../../src/dashboard/changes";
import type { Agent } from "../../src/generated/agents";
import { anAgent } from "../rig/things";

const agents = (...all: readonly Agent[]) => new Map(all.map((agent) => [agent.id, agent]));

describe("what changed", () => {
  const first = changesAfter(NO_CHANGES, agents(anAgent(1), anAgent(2)), true, 10);

  test("what comes first is no news", () => {
    expect(first.times).toEqual(new Map());
  });

  test("what was kept is no news either when the server's list comes", () => {
    const kept = changesAfter(NO_CHANGES, agents(anAgent(1)), false, 10);
    expect(changesAfter(kept, agents(anAgent(1), anAgent(2)), true, 20).times).toEqual(new Map());
  });

  test("a new agent and another name are, a status is not", () => {
    const next = agents(
      anAgent(1, { status: "running", version: 2 }),
      anAgent(2, { name: "x", version: 2 }),
      anAgent(3),
    );
    expect(changesAfter(first, next, true, 20).times).toEqual(
      new Map([
        [2, 20],
        [3, 20],
      ]),
    );
  });

  test("another config is, the same one anew is not", () => {
    const before = changesAfter(first, agents(anAgent(1, { config: { seed: 1 } })), true, 20);
    const same = changesAfter(before, agents(anAgent(1, { config: { seed: 1 }, version: 3 })), true, 30);
    expect(before.times).toEqual(new Map([[1, 20]]));
    expect(same.times).toEqual(new Map([[1, 20]]));
  });

  test("what is gone is remembered no more", () => {
    const changed = changesAfter(first, agents(anAgent(1, { name: "x" })), true, 20);
    expect(changesAfter(changed, agents(), true, 30).times.size).toBe(0);
  });
});

function Shown({ at }: { readonly at: number | undefined }) {
  const ref = useHighlight<HTMLDivElement>(at);
  return <div ref={ref} />;
}

describe("the highlight", () => {
  const animate = vi.fn();

  function showAt(at: number | undefined) {
    Element.prototype.animate = animate;
    return render(<Shown at={at} />);
  }

  afterEach(() => {
    animate.mockClear();
    vi.unstubAllGlobals();
  });

  test("is shown for a change that just came, and for no older one", () => {
    const { rerender } = showAt(undefined);
    expect(animate).not.toHaveBeenCalled();
    act(() => rerender(<Shown at={performance.now()} />));
    expect(animate).toHaveBeenCalledOnce();
    showAt(performance.now() - 10_000);
    expect(animate).toHaveBeenCalledOnce();
  });

  test("does not move for whoever wants no motion", () => {
    vi.stubGlobal("matchMedia", () => ({ matches: true }));
    showAt(performance.now());
    expect(animate).toHaveBeenCalledExactlyOnceWith(
      { opacity: [1, 0] },
      expect.objectContaining({ easing: "step-end", pseudoElement: "::before" }),
    );
  });
});
