// How the tests run: real databases, few workers, and a closing line that a machine can read.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string): string => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

/** Adapters beyond one of each family of drivers; those in test/orms are installed apart. */
const longTier = [
  "test/orms/**",
  "test/adapters/drizzle.test.ts",
  "test/adapters/kysely.test.ts",
  // The examples that need what only examples/ installs.
  "test/examples/{fastify-drizzle,hono-kysely,nestjs-typeorm,nextjs-prisma}.test.ts",
];
const isFull = process.env["OWED_TEST_FULL"] === "1";

export default defineConfig({
  resolve: {
    alias: [
      { find: /^owed$/, replacement: source("index.ts") },
      { find: /^owed\/(postgres|sqlite|memory)$/, replacement: source("store/$1/index.ts") },
      { find: /^owed\/(conformance|dashboard|testing)$/, replacement: source("$1/index.ts") },
      { find: /^owed\/opentelemetry$/, replacement: source("telemetry/opentelemetry/index.ts") },
      { find: /^owed\/([a-z-]+)$/, replacement: source("adapters/$1.ts") },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["**/node_modules/**", ...(isFull ? [] : longTier)],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    globalSetup: ["./test/support/global-setup.ts"],
    reporters: ["default", "./scripts/closing-line-reporter.ts"],
    dangerouslyIgnoreUnhandledErrors: false,
    passWithNoTests: false,
  },
});
