import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";
import { expect, test } from "vitest";

/** Bytes of everything an entry exports, bundled and minified as a page would, and gzipped. */
async function gzipped(entry: string): Promise<number> {
  const input = fileURLToPath(new URL(`../src/${entry}`, import.meta.url));
  const bundle = await rolldown({ input, external: ["react"] });
  const { output } = await bundle.generate({ format: "esm", minify: true });
  await bundle.close();
  return gzipSync(output[0].code, { level: 9 }).length;
}

test.each([
  ["index.ts", 6 * 1024],
  ["react/index.ts", 3 * 1024],
  ["offline/index.ts", 4.5 * 1024],
  ["tabs/index.ts", 13 * 1024],
])("%s has at most %i bytes", async (entry, budget) => {
  expect(await gzipped(entry)).toBeLessThanOrEqual(budget);
});
