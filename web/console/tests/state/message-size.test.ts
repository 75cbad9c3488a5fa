import { expect, test } from "vitest";
import { bytesOf, isTooLargeForLine, MOST_BYTES, sizeTrouble } from "../../src/state/message-size";

test("bytes are those of UTF-8", () => {
  expect(bytesOf("a")).toBe(1);
  expect(bytesOf("漢🚀")).toBe(7);
});

test("what JSON makes longer than the line takes goes another way, whatever its characters are", () => {
  expect(isTooLargeForLine("a".repeat(60_000))).toBe(false);
  expect(isTooLargeForLine("a".repeat(65_000))).toBe(true);
  expect(isTooLargeForLine("漢".repeat(22_000))).toBe(true);
  expect(isTooLargeForLine("\n".repeat(40_000))).toBe(true);
});

test("a message of more than 1 MB is no message, and the sentence says how large it is", () => {
  expect(sizeTrouble("a".repeat(MOST_BYTES))).toBeUndefined();
  expect(sizeTrouble("漢".repeat(MOST_BYTES / 2))).toContain("1.50 MB");
});
