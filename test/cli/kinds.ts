// The two kinds of databases a command works on, each with a place of its own and a store to set scenes with.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { at, START_MS } from "../../src/conformance/scene.ts";
import type { NewTask, Store } from "../../src/store/contract.ts";
import { postgresStore } from "../../src/store/postgres/index.ts";
import { sqliteStore } from "../../src/store/sqlite/index.ts";
import { freshSchema, sharedDatabase } from "../support/database.ts";

/** A database for one test. */
export interface Place extends AsyncDisposable {
  readonly store: Store;
  /** How the command finds it. */
  readonly env: Readonly<Record<string, string>>;
  /** Enqueues and commits. */
  enqueue(tasks: readonly NewTask[], nowMs?: number): Promise<void>;
}

/** The kinds. */
export const kinds = ["Postgres", "SQLite"] as const;

/** Opens a place, with its tables unless said otherwise; Postgres on the shared server unless another is given. */
export async function openPlace(
  kind: (typeof kinds)[number],
  migrate = true,
  url: string = sharedDatabase(),
): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), "owed-cli-"));
  const schema = freshSchema();
  const file = join(folder, "shop.db");
  const isFile = kind === "SQLite";
  // The scenes pass each store transactions of its own only.
  const store = (isFile
    ? sqliteStore({ file })
    : postgresStore({ connectionString: url, schema })) as unknown as Store;
  if (migrate) await store.migrate();
  return {
    store,
    env: isFile ? { OWED_SQLITE_FILE: file } : { DATABASE_URL: url, OWED_SCHEMA: schema },
    async enqueue(tasks, nowMs) {
      const own = await store.begin();
      await store.insert(own.transaction, tasks, null, nowMs === undefined ? {} : at(nowMs - START_MS));
      await own.commit();
    },
    async [Symbol.asyncDispose]() {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
