import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string) => fileURLToPath(new URL(`src/${path}`, import.meta.url));

export default defineConfig({
  // The examples import the package by its name, as everyone does.
  resolve: {
    alias: [
      { find: /^@trunkline\/client$/, replacement: source("index.ts") },
      { find: /^@trunkline\/client\/(\w+)$/, replacement: source("$1/index.ts") },
    ],
  },
  test: {
    // Two cores are enough for it, and those who build it may have no more.
    maxWorkers: 2,
    testTimeout: 20_000,
    // No test is decided by how fast the machine is.
    expect: { poll: { timeout: 15_000 } },
    projects: [
      { extends: true, test: { name: "unit", include: ["tests/**/*.test.{ts,tsx}"], exclude: ["tests/e2e/**"] } },
      { extends: true, test: { name: "e2e", include: ["tests/e2e/*.test.ts"], globalSetup: "tests/e2e/server.ts" } },
    ],
  },
});
