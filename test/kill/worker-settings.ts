// What a worker process of the kill tests is told, and how both sides open the same store.
import type { Store } from "../../src/store/contract.ts";
import { postgresStore } from "../../src/store/postgres/index.ts";
import { sqliteStore } from "../../src/store/sqlite/index.ts";

/** Passed as JSON on the command line. */
export interface WorkerSettings {
  readonly name: string;
  readonly database:
    | { readonly kind: "sqlite"; readonly file: string }
    | { readonly kind: "postgres"; readonly connectionString: string; readonly schema: string };
  readonly leaseMs: number;
  readonly concurrency: number;
  readonly maxLostAlone: number;
  /** Tasks this process enqueues itself, through transactions with the fast path. */
  readonly enqueueCount: number;
  /** Appended to by every executor: `start|done taskId pid`. */
  readonly effectsFile: string;
  /** Tasks of type `waiting` end once this file exists. */
  readonly gateFile: string;
}

/** Opens the store of the settings. */
export function openStore(settings: Pick<WorkerSettings, "database">): Store {
  const { database } = settings;
  const store =
    database.kind === "sqlite"
      ? sqliteStore({ file: database.file })
      : postgresStore({ connectionString: database.connectionString, schema: database.schema });
  return store as unknown as Store; // the tests hand each store only transactions of its own
}
