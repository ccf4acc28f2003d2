// What a process of the rig is told when it starts, and how it opens its store.
import pg from "pg";
import type { Store } from "../../src/store/contract.ts";
import { postgresStore } from "../../src/store/postgres/index.ts";
import { sqliteStore } from "../../src/store/sqlite/index.ts";
import { markCommits } from "../audit-sqlite.ts";

/** Where the tasks of a run are. */
export type RunDatabase =
  | {
      readonly kind: "postgres";
      readonly connectionString: string;
      readonly schema: string;
      /** A transaction pooler stands in between. */
      readonly pooler?: boolean;
      /** The store gets a pool of the application with this many connections. */
      readonly poolSize?: number;
      readonly statementTimeoutMs?: number;
    }
  /** A file that has the audit. */
  | { readonly kind: "sqlite"; readonly file: string };

/** Passed as JSON on the command line of a process. */
export interface ProcessSettings {
  /** Name of the process; its next lives bear it too. */
  readonly process: string;
  /** Number of its life. */
  readonly boot: number;
  readonly database: RunDatabase;
  /** Appended to: the history of this process. */
  readonly historyFile: string;
  /** Tasks that wait for a gate look for files in here. */
  readonly gateFolder: string;
  readonly leaseMs: number;
  readonly pollIntervalMs: number;
  /** Tasks of the worker that run at once; of a client that executes, on the fast path. */
  readonly concurrency: number;
  /** Kinds of tasks it executes; null: none, it only enqueues. */
  readonly kinds: readonly string[] | null;
  readonly maxLostAlone: number;
  /** Grace of the stop on SIGTERM and SIGINT. */
  readonly graceMs: number;
  readonly attemptTimeoutMs: number;
  /** Whether it creates the schema; false: it checks it. */
  readonly migrate: boolean;
  /** Hooks that throw, to see that they harm nobody. */
  readonly hooksThrow: boolean;
  /** Calls of the start that may fail before the process gives up; Infinity cannot be said in JSON, so null. */
  readonly startTries: number | null;
}

/** What a process works on: its store, and what must be closed with it. */
export interface OpenedStore {
  readonly store: Store;
  readonly pool: pg.Pool | null;
}

/** Opens the store of the settings. */
export function openStore({ process: name, database }: ProcessSettings): OpenedStore {
  if (database.kind === "sqlite") {
    markCommits();
    return { store: sqliteStore({ file: database.file }) as unknown as Store, pool: null }; // it is handed its own transactions only
  }
  const { connectionString, schema, pooler = false, poolSize, statementTimeoutMs } = database;
  const connection: pg.PoolConfig = {
    connectionString,
    ...(pooler ? {} : { application_name: name }),
    connectionTimeoutMillis: 5_000,
  };
  const tuning = { schema, pooler, ...(statementTimeoutMs === undefined ? {} : { statementTimeoutMs }) };
  const pool = poolSize === undefined ? null : new pg.Pool({ ...connection, max: poolSize });
  // From its first moment a client may be cut off; its statements tell, and no event may end the process.
  pool?.on("connect", (client) => client.on("error", () => undefined));
  // An application without these listeners ends when a connection is cut while idle, or as it is handed out: that is
  // its own duty (V19).
  pool?.on("error", () => undefined);
  pool?.on("connect", (client) => client.on("error", () => undefined));
  const store = pool === null ? postgresStore({ connection, ...tuning }) : postgresStore({ pool, ...tuning });
  return { store: store as unknown as Store, pool };
}
