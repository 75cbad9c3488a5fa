import { MantineProvider } from "@mantine/core";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { LongText, partsOf } from "../../src/chat/long-text";

afterEach(cleanup);

/** Whether no half of a character stands alone. */
const isWhole = (text: string) => [...text].every((character) => !/^[\ud800-\udfff]$/.test(character));

test("the parts of a text join to it, and no character is parted", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "\n", "🚀", "漢"), maxLength: 300 });
  const property = fc.property(text, fc.integer({ min: 1, max: 40 }), (whole, most) => {
    const parts = partsOf(whole, most);
    expect(parts.join("")).toBe(whole);
    expect(parts.every((part) => part.length > 0 && part.length <= most + 1 && isWhole(part))).toBe(true);
  });
  fc.assert(property);
});

test("a megabyte is folded, says how large it is, and opens", () => {
  const text = `Beginning ${"long ".repeat(200_000)}the end`;
  render(
    <MantineProvider env="test">
      <LongText text={text} />
    </MantineProvider>,
  );
  expect(document.body.textContent).toContain("1.0 MB");
  expect(document.body.textContent).not.toContain("the end");
  fireEvent.click(screen.getByRole("button", { name: "Show all" }));
  expect(document.body.textContent).toContain("the end");
  fireEvent.click(screen.getByRole("button", { name: "Fold" }));
  expect(document.body.textContent).not.toContain("the end");
});
