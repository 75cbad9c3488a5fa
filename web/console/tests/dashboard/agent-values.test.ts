import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { beginEditing, decideField, followLatest, isDirty, readContent } from "../../src/dashboard/agent-editing";
import {
  type AgentContent,
  changesOf,
  checkValues,
  conflictsOf,
  contentOf,
  FIELDS,
  isSame,
  NEW_AGENT,
  valuesOf,
} from "../../src/dashboard/agent-values";

const configs = fc.dictionary(
  fc.oneof(fc.constantFrom("temperature", "top_p", "max_tokens", "seed", "stop"), fc.string()),
  fc.oneof(fc.jsonValue(), fc.integer({ min: 0, max: 3 })),
  { noNullPrototype: true },
);

const contents: fc.Arbitrary<AgentContent> = fc
  .record({
    name: fc.string(),
    model: fc.string(),
    system_instructions: fc.string(),
    task_instructions: fc.string(),
    config: configs,
  })
  // -0 is 0 to JSON, and `__proto__` no member to a spread.
  .map((content) => ({
    ...content,
    config: JSON.parse(JSON.stringify(content.config).replaceAll("__proto__", "proto")),
  }));

/** Few values, so that different hands often write the same. */
const shortContents: fc.Arbitrary<AgentContent> = fc.record({
  name: fc.constantFrom("a", "b", "c"),
  model: fc.constantFrom("", "echo"),
  system_instructions: fc.constantFrom("", "x"),
  task_instructions: fc.constantFrom("", "y"),
  config: fc.constantFrom({}, { seed: 1 }, { stop: ["END"] }),
});

describe("the form's values", () => {
  test("lead back to the agent that they were made of", () => {
    fc.assert(
      fc.property(contents, (content) => {
        expect(contentOf(valuesOf(content))).toEqual(content);
      }),
    );
  });

  test("hold a member that is named like one of every object", () => {
    const content = { ...NEW_AGENT, config: { toString: 0, constructor: 1 } };
    expect(contentOf(valuesOf(content))).toEqual(content);
    expect(isSame({ a: 1 }, { toString: 1 })).toBe(false);
    expect(isSame({ toString: 1 }, { a: 1 })).toBe(false);
  });

  test("an option that is no number stands with the rest, where it can be seen", () => {
    const values = valuesOf({ ...NEW_AGENT, config: { temperature: "hot", seed: 3 } });
    expect(values).toMatchObject({ temperature: "", seed: 3, more: '{\n  "temperature": "hot"\n}' });
  });
});

describe("what is wrong", () => {
  const VALID = { ...valuesOf(NEW_AGENT), name: "Ada" };

  test.each([
    [{ name: "  " }, { name: "name must not be blank" }],
    [{ name: "é".repeat(201) }, { name: "name has at most 200 characters; this one has 201" }],
    [
      { task_instructions: "é".repeat(40_000) },
      { task_instructions: "task_instructions takes at most 65536 bytes; this text has 80000" },
    ],
    [{ top_p: 1.5 }, { top_p: "'top_p' must be a number from 0 to 1, not 1.5." }],
    [{ max_tokens: 2.5 }, { max_tokens: "'max_tokens' must be a whole number from 1 to 1000000, not 2.5." }],
    [{ seed: "-" }, { seed: "'seed' must be a whole number from 0 to 2147483647, not -." }],
    [{ more: "[]" }, { more: 'This must be a JSON object, such as {"stop": ["END"]}.' }],
    [
      { more: '{"seed": 1}', seed: 2 },
      { more: "'seed' has a field of its own above, which is filled too; leave it in one of the two." },
    ],
    [{ more: '{"seed": 1}' }, {}],
    [{ temperature: 0, name: "👩‍🚀".repeat(10) }, {}],
  ])("%o: %o", (change, errors) => {
    expect(checkValues({ ...VALID, ...change })).toEqual(errors);
  });
});

test("two JSON values are the same whatever the order of their members", () => {
  expect(isSame({ a: [1, { b: null }], c: 1 }, { c: 1, a: [1, { b: null }] })).toBe(true);
  expect(isSame([], {})).toBe(false);
  expect(isSame({ a: undefined }, {})).toBe(false);
  expect(isSame([1, 2], [2, 1])).toBe(false);
});

describe("an agent that is changed here and elsewhere", () => {
  test("ends as one would expect: each field by whoever changed it, and a choice where both did", () => {
    const cases = fc.tuple(
      shortContents,
      shortContents,
      shortContents,
      fc.constantFrom("mine" as const, "theirs" as const),
    );
    fc.assert(
      fc.property(cases, ([base, mine, theirs, side]) => {
        let editing = followLatest({ ...beginEditing(base, null), values: valuesOf(mine) }, theirs);
        for (const field of conflictsOf(editing.base, readContent(editing.values), theirs)) {
          editing = decideField(editing, field, side, theirs);
        }
        const result = readContent(editing.values);
        expect(conflictsOf(editing.base, result, theirs)).toEqual([]);
        for (const field of FIELDS) {
          const isMine = !isSame(mine[field], base[field]);
          const isTheirs = !isSame(theirs[field], base[field]);
          const winner = isMine && (!isTheirs || side === "mine") ? mine : theirs;
          expect(result[field]).toEqual(winner[field]);
        }
        // What is sent on top of theirs is what stands in the form.
        expect({ ...theirs, ...changesOf(editing.base, result) }).toEqual(result);
      }),
    );
  });

  test("JSON that is not finished counts as changed, and is overwritten by nobody", () => {
    const base = { ...NEW_AGENT, name: "Ada" };
    const editing = { ...beginEditing(base, null), values: { ...valuesOf(base), more: '{"stop": [' } };
    expect(isDirty(editing)).toBe(true);
    expect(followLatest(editing, { ...base, config: { seed: 1 } }).values.more).toBe('{"stop": [');
  });
});
