import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), "utf-8");

test.each(["page/index.html", "node/watch.mjs", "react/prices.tsx"])("README shows examples/%s as it is", (path) => {
  expect(read("README.md")).toContain(`\n${read(`examples/${path}`)}\`\`\``);
});
