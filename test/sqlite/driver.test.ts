// Which binding of SQLite is taken when nobody says.
import { expect, test } from "vitest";
import { loadDriver, prefersNodeSqlite } from "../../src/store/sqlite/driver.ts";

/** As released; from 24.15 and 25.7 on node:sqlite loads without a warning. */
const releases: readonly [node: string, sqlite: string | undefined, isPreferred: boolean][] = [
  ["20.20.2", undefined, false],
  ["22.23.3", "3.51.3", false],
  ["23.11.1", "3.49.1", false],
  ["24.0.0", "3.49.1", false],
  ["24.14.0", "3.51.2", false],
  ["24.15.0", "3.51.3", true],
  ["24.17.0", "3.53.0", true],
  ["25.8.0", "3.51.2", false],
  ["26.0.0", "3.60.0", true],
  ["26.0.0", "4.0.0", true],
];

test.each(releases)("Node %s with SQLite %s: its own goes first: %s", (node, sqlite, isPreferred) => {
  expect(prefersNodeSqlite({ node, sqlite })).toBe(isPreferred);
});

test("without a wish the runtime's own is taken where it is preferred", () => {
  const isOwn = loadDriver(undefined).name === "node:sqlite";
  // The other way round only where better-sqlite3 cannot be loaded.
  if (prefersNodeSqlite(process.versions)) expect(isOwn).toBe(true);
  else if (isOwn) expect(() => loadDriver("better-sqlite3")).toThrow("cannot be loaded");
});
