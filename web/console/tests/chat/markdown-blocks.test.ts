import fc from "fast-check";
import { expect, test } from "vitest";
import { splitBlocks } from "../../src/chat/markdown-blocks";

const line = fc.constantFrom(
  "",
  "",
  "Words of a paragraph",
  "# Heading",
  "- an item",
  "1. first",
  "   goes on",
  "```python",
  "```",
  "~~~",
  "````",
  "print('x')",
  "> quoted",
  "| a | b |",
  "|---|---|",
  "`code` in a line",
);
const text = fc.array(line, { maxLength: 30 }).map((lines) => lines.join("\n"));

test("the join of the blocks is the text", () => {
  const property = fc.property(text, (whole) => {
    expect(splitBlocks(whole).join("")).toBe(whole);
  });
  fc.assert(property);
});

test("a text that grows changes its last block alone", () => {
  const property = fc.property(text, fc.nat(400), (whole, length) => {
    const finished = splitBlocks(whole.slice(0, length)).slice(0, -1);
    expect(splitBlocks(whole).slice(0, finished.length)).toEqual(finished);
  });
  fc.assert(property, { numRuns: 500 });
});

test("paragraphs are blocks; code is one, whatever stands in it", () => {
  expect(splitBlocks("One\n\nTwo\n")).toEqual(["One\n\n", "Two\n"]);
  expect(splitBlocks("```\na\n\nb\n```\n\nAfter\n")).toEqual(["```\na\n\nb\n```\n\n", "After\n"]);
  expect(splitBlocks("````\n```\n\nx\n```\n````\n\nAfter\n")).toEqual(["````\n```\n\nx\n```\n````\n\n", "After\n"]);
});

test("a list with blank lines stays one list", () => {
  expect(splitBlocks("1. one\n\n2. two\n\n   more\n\n- x\n")).toHaveLength(1);
});
