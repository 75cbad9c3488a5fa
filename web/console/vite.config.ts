import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import mantine from "postcss-preset-mantine";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const client = (path: string) => fileURLToPath(new URL(`../client/src/${path}`, import.meta.url));

/** Where `npx vite` finds the server while somebody works on the page. */
const SERVER = process.env["TRUNKLINE_URL"] ?? "http://127.0.0.1:8765";

/** rehype-highlight brings 37 languages along for those who name none; the chat names its own. */
const withoutCommonLanguages: Plugin = {
  name: "without common languages",
  load: (id) => (/[\\/]lowlight[\\/]lib[\\/]common\.js$/.test(id) ? "export const grammars = {};" : undefined),
};

export default defineConfig({
  plugins: [react(), withoutCommonLanguages],
  css: { postcss: { plugins: [mantine()] } },
  resolve: {
    // The client is built along from its source.
    alias: [
      { find: /^@trunkline\/client$/, replacement: client("index.ts") },
      { find: /^@trunkline\/client\/codes$/, replacement: client("generated/codes.ts") },
      { find: /^@trunkline\/client\/(\w+)$/, replacement: client("$1/index.ts") },
    ],
  },
  build: {
    target: "es2022",
    // Everything under one folder whose names hold hashes; nothing inlined, which the content policy would refuse.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // In kB. The page with React and Mantine is 740 of them, 230 compressed; chat and charts are chunks of their own.
    chunkSizeWarningLimit: 1000,
  },
  worker: { format: "es" },
  server: {
    proxy: { "/api": { target: SERVER, ws: true }, "/login": SERVER, "/logout": SERVER },
  },
  test: {
    maxWorkers: 2,
    testTimeout: 20_000,
    environment: "happy-dom",
    include: ["tests/**/*.test.{ts,tsx}"],
  },
});
