import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type AgentRow,
  COLUMNS,
  FIRST_SORTING,
  filterRows,
  modelsOf,
  NO_FILTER,
  outcomeOf,
  rowsOf,
  sortingAfter,
  sortRows,
} from "../../src/dashboard/agent-rows";
import { inOrderOf } from "../../src/dashboard/steady-order";
import { anAgent, aRun, aThread } from "../rig/things";

function row(id: number, more: Partial<AgentRow> = {}): AgentRow {
  const agent = anAgent(id, more.agent);
  return { model: agent.model, threads: 0, running: 0, lastRun: null, ...more, agent };
}

const ids = (rows: readonly AgentRow[]) => rows.map(({ agent }) => agent.id);

const someRows = fc
  .uniqueArray(
    fc.record({
      id: fc.integer({ min: 1, max: 40 }),
      name: fc.constantFrom("a", "B", "b", "agent 2", "agent 10", "ä"),
      status: fc.constantFrom("idle" as const, "running" as const, "error" as const),
      threads: fc.nat({ max: 3 }),
      finished_at: fc.option(fc.constantFrom("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")),
    }),
    { selector: ({ id }) => id },
  )
  .map((all) =>
    all.map(({ id, name, status, threads, finished_at }) => {
      const lastRun = finished_at ? aRun(id, aThread(id, id), "done", { finished_at }) : null;
      return row(id, { agent: anAgent(id, { name, status }), threads, lastRun });
    }),
  );

const sortings = fc.record({ column: fc.constantFrom(...COLUMNS), isDescending: fc.boolean() });

describe("sorting", () => {
  test("keeps every row, and does not depend on the order before", () => {
    const cases = someRows.chain((rows) =>
      fc.record({
        rows: fc.constant(rows),
        shuffled: fc.shuffledSubarray(rows, { minLength: rows.length }),
        sorting: sortings,
      }),
    );
    fc.assert(
      fc.property(cases, ({ rows, shuffled, sorting }) => {
        const sorted = sortRows(rows, sorting);
        expect(ids(sorted).toSorted()).toEqual(ids(rows).toSorted());
        expect(ids(sortRows(shuffled, sorting))).toEqual(ids(sorted));
      }),
    );
  });

  test("names as people order them", () => {
    const names = ["agent 10", "Zoe", "agent 2", "ada"];
    const rows = names.map((name, index) => row(index + 1, { agent: anAgent(index + 1, { name }) }));
    expect(sortRows(rows, FIRST_SORTING).map(({ agent }) => agent.name)).toEqual(["ada", "agent 2", "agent 10", "Zoe"]);
  });

  test("by status, what runs comes first, the busiest of them before", () => {
    const rows = [
      row(1),
      row(2, { agent: anAgent(2, { status: "error" }) }),
      row(3, { agent: anAgent(3, { status: "running" }), running: 1 }),
      row(4, { agent: anAgent(4, { status: "running" }), running: 2 }),
    ];
    expect(ids(sortRows(rows, { column: "status", isDescending: false }))).toEqual([4, 3, 2, 1]);
  });

  test("asking for a column again turns it round; times and counts begin with the most", () => {
    expect(sortingAfter(FIRST_SORTING, "name")).toEqual({ column: "name", isDescending: true });
    expect(sortingAfter(FIRST_SORTING, "updated")).toEqual({ column: "updated", isDescending: true });
    expect(sortingAfter(FIRST_SORTING, "model")).toEqual({ column: "model", isDescending: false });
  });
});

describe("an order that stays", () => {
  test("holds for the same agents, whatever became of them", () => {
    const before = [row(1), row(2), row(3)];
    const after = [row(3, { threads: 1 }), row(1), row(2)];
    expect(inOrderOf(before, after)).toEqual([after[1], after[2], after[0]]);
  });

  test("gives way to other agents", () => {
    const after = [row(3), row(1)];
    expect(inOrderOf([row(1), row(2)], after)).toBe(after);
    expect(inOrderOf([row(1)], after)).toBe(after);
  });
});

describe("filtering", () => {
  const rows = [
    row(1, { agent: anAgent(1, { name: "Release Notes", status: "running" }), model: "gpt-5" }),
    row(2, { agent: anAgent(2, { name: "Notes of meetings" }), model: "echo" }),
    row(3, { agent: anAgent(3, { name: "Triage", status: "error" }), model: "echo" }),
  ];

  test.each([
    [{}, [1, 2, 3]],
    [{ text: "notes" }, [1, 2]],
    [{ text: " gpt  NOTES " }, [1]],
    [{ status: "error" as const }, [3]],
    [{ model: "echo" }, [2, 3]],
    [{ model: "echo", text: "notes", status: "idle" as const }, [2]],
    [{ text: "nothing" }, []],
  ])("%o lets %o pass", (filter, left) => {
    expect(ids(filterRows(rows, { ...NO_FILTER, ...filter }))).toEqual(left);
  });

  test("what passes is among what there is, in its order", () => {
    const filters = fc.record({
      text: fc.constantFrom("", "a", "agent", "b"),
      status: fc.option(fc.constantFrom("idle" as const, "error" as const)),
      model: fc.option(fc.constantFrom("echo", "gpt")),
    });
    fc.assert(
      fc.property(someRows, filters, (all, filter) => {
        const left = filterRows(all, filter);
        expect(left).toEqual(all.filter((one) => left.includes(one)));
        expect(filterRows(left, filter)).toEqual(left);
      }),
    );
  });

  test("the models to choose from are those that answer, once each", () => {
    expect(modelsOf([...rows, row(4, { model: "" })])).toEqual(["echo", "gpt-5"]);
  });
});

test("rows leave out what is being deleted, and name the default model", () => {
  const lastRun = aRun(5, aThread(1, 2), "cancelled");
  const summaries = new Map([[2, { threads: 3, running: 1, lastRun }]]);
  const agents = [anAgent(1), anAgent(2, { model: "" })];
  expect(rowsOf(agents, summaries, new Set([1]), "gpt-5")).toEqual([
    { agent: agents[1], model: "gpt-5", threads: 3, running: 1, lastRun },
  ]);
  expect(outcomeOf(lastRun)).toBe("Stopped");
});
