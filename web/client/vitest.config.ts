import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.{ts,tsx}"],
    // Two cores are enough for it, and those who build it may have no more.
    maxWorkers: 2,
    testTimeout: 20_000,
  },
});
