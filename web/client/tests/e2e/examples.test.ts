// @vitest-environment happy-dom
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { createElement } from "react";
import { createRoot } from "react-dom/client";
import { beforeEach, expect, inject, test, vi } from "vitest";
import { WebSocket } from "ws";

const EXAMPLES = join(import.meta.dirname, "../../examples");
const url = inject("serverUrl");

/** Node's own, not the page's, which may ask its own origin alone. */
async function change(symbol: string, price: number): Promise<void> {
  const script = `await fetch("${url}/prices/${symbol}?price=${price}", { method: "PUT" })`;
  await once(spawn(process.execPath, ["--input-type=module", "--eval", script]), "exit");
}

beforeEach(() => {
  vi.stubGlobal("WebSocket", WebSocket);
  (globalThis.window as unknown as { happyDOM: { setURL(url: string): void } }).happyDOM.setURL(url);
});

test("the page shows each change of the price", async () => {
  await change("EUR", 1.07);
  const html = await (await fetch(`${url}/`)).text();
  expect(html).toBe(readFileSync(join(EXAMPLES, "page/index.html"), "utf-8"));
  expect((await fetch(`${url}/client/index.js`)).headers.get("content-type")).toContain("javascript");
  const [, script = ""] = /<script type="module">(.*)<\/script>/s.exec(html) ?? [];
  document.body.innerHTML = html.replace(/<script.*/s, "");
  const built = pathToFileURL(join(EXAMPLES, "../dist/index.js")).href;
  await import(
    /* @vite-ignore */ `data:text/javascript,${encodeURIComponent(script.replace("/client/index.js", built))}`
  );
  await expect.poll(() => document.body.textContent).toContain("1 EUR = 1.07 USD connected");
  await change("EUR", 1.08);
  await expect.poll(() => document.body.textContent).toContain("1 EUR = 1.08 USD connected");
});

test("the React page shows each change of each price", async () => {
  await change("USD", 1);
  await change("GBP", 2);
  const { Prices } = await import("../../examples/react/prices.js");
  createRoot(document.body).render(createElement(Prices, { symbols: ["USD", "GBP"] }));
  await expect.poll(() => document.body.textContent).toBe("USD 1GBP 2connected");
  await change("GBP", 3);
  await expect.poll(() => document.body.textContent).toBe("USD 1GBP 3connected");
});

test("the Node script prints each change of the price", async () => {
  await change("CHF", 5);
  const script = spawn(process.execPath, [join(EXAMPLES, "node/watch.mjs"), url, "CHF"]);
  const lines = createInterface({ input: script.stdout })[Symbol.asyncIterator]();
  expect(await lines.next()).toMatchObject({ value: "CHF 5" });
  await change("CHF", 6);
  expect(await lines.next()).toMatchObject({ value: "CHF 6" });
  script.kill();
  await once(script, "exit");
});
