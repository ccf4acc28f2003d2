/** The driver port: what this store needs of a SQLite binding, and which of the bindings it gets. */
import { createRequire } from "node:module";

import { InvalidInputError } from "../../errors.ts";

/** The bindings this store can use. */
export type SqliteDriverName = "node:sqlite" | "better-sqlite3" | "libsql";

/**
 * A connection of better-sqlite3 or libsql (`Database`) or node:sqlite (`DatabaseSync`) on the store's file. In SQLite the
 * connection is the transaction: pass it while a transaction is open on it.
 */
export interface SqliteTransaction {
  prepare(sql: string): object;
  exec(sql: string): unknown;
}

/** Where the connection is in what users of another library call a transaction: what an adapter makes. */
export interface SqliteTransactions<Transaction> {
  /** Throws NotATransactionError unless `candidate` is a transaction, as far as the library can tell. */
  assertTransaction(candidate: unknown): asserts candidate is Transaction;
  /** Its connection; whether a transaction is open on that, the store sees for itself. */
  connectionOf(transaction: Transaction): SqliteTransaction;
}

/** A prepared statement, as far as the bindings agree. */
export interface RawStatement {
  run(...parameters: unknown[]): { readonly changes: number | bigint };
  get(...parameters: unknown[]): unknown;
  all(...parameters: unknown[]): unknown[];
  /** better-sqlite3; its default may have been changed on a user's connection. */
  safeIntegers?(on: boolean): unknown;
  /** node:sqlite; as above. */
  setReadBigInts?(on: boolean): void;
  /** node:sqlite of newer runtimes; as above. */
  setReturnArrays?(on: boolean): void;
}

/** A connection, as far as the bindings agree. */
export interface RawHandle extends SqliteTransaction {
  prepare(sql: string): RawStatement;
  close(): unknown;
  /** better-sqlite3 and libsql. */
  readonly inTransaction?: boolean;
  /** node:sqlite of newer runtimes; throws on a closed connection. */
  readonly isTransaction?: boolean;
}

/** A binding. */
export interface SqliteDriver {
  readonly name: SqliteDriverName;
  /** Opens or creates the file. Never waits for a lock. */
  open(file: string): RawHandle;
}

type Constructor = new (file: string, options: { readonly timeout: number }) => RawHandle;

const INSTALL = "install better-sqlite3 (version 12 on Node 20), or run Node 24.15 or newer";

/** From this major version on node:sqlite is a release candidate, as far as its SQLite is new enough. */
const NODE_MAJOR = 24;
/** Older ones have a race of checkpoints that can corrupt a file in WAL mode which several connections write. */
const SQLITE_VERSION = [3, 51, 3] as const;

/** Whether the runtime's own SQLite goes before better-sqlite3; docs/decisions/0005 says why. */
export function prefersNodeSqlite(versions: Readonly<Record<string, string | undefined>>): boolean {
  const numbersOf = (version = ""): readonly number[] => version.split(".").map(Number);
  const [major = 0] = numbersOf(versions["node"]);
  const found = numbersOf(versions["sqlite"]);
  const differing = SQLITE_VERSION.findIndex((number, index) => found[index] !== number);
  const isNewEnough = differing === -1 || (found[differing] ?? 0) > (SQLITE_VERSION[differing] ?? 0);
  return major >= NODE_MAJOR && isNewEnough;
}

/**
 * The binding asked for; without a wish node:sqlite where it is preferred, else better-sqlite3 where it can be loaded,
 * else an experimental node:sqlite. Throws InvalidInputError when there is none.
 */
export function loadDriver(wish: SqliteDriverName | undefined): SqliteDriver {
  switch (wish) {
    case "node:sqlite":
      return nodeSqlite() ?? fail("node:sqlite", "is not part of this runtime", INSTALL);
    case "better-sqlite3":
      return betterSqlite((problem) => fail("better-sqlite3", `cannot be loaded (${problem})`, INSTALL));
    case "libsql":
      return libsql();
    case undefined:
      return bestDriver();
    default:
      throw new InvalidInputError(
        "driver",
        `is ${String(wish)}`,
        'say "node:sqlite", "better-sqlite3" or "libsql"',
      );
  }
}

function bestDriver(): SqliteDriver {
  const preferred = prefersNodeSqlite(process.versions) ? nodeSqlite() : null;
  if (preferred !== null) return preferred;
  return betterSqlite((problem) => {
    const experimental = nodeSqlite();
    if (experimental !== null) return experimental;
    return fail(
      "driver",
      `cannot be chosen: this Node has no SQLite of its own, and better-sqlite3 cannot be loaded (${problem})`,
      INSTALL,
    );
  });
}

function nodeSqlite(): SqliteDriver | null {
  const constructor = nodeSqliteConstructor();
  if (constructor === undefined) return null;
  return { name: "node:sqlite", open: (file) => new constructor(file, { timeout: 0 }) };
}

function nodeSqliteConstructor(): Constructor | undefined {
  try {
    // A static import would fail on runtimes that do not have it.
    const loaded =
      typeof process.getBuiltinModule === "function"
        ? process.getBuiltinModule("node:sqlite" as "node:fs")
        : createRequire(import.meta.url)("node:sqlite");
    return (loaded as { readonly DatabaseSync?: Constructor } | undefined)?.DatabaseSync;
  } catch {
    return undefined;
  }
}

function betterSqlite(otherwise: (problem: string) => SqliteDriver): SqliteDriver {
  const require = createRequire(import.meta.url);
  try {
    const { version } = require("better-sqlite3/package.json") as { readonly version: string };
    // Seen with 13.2.0: it takes the whole process down instead of throwing.
    if (Number.parseInt(version, 10) >= 13 && nodeMajor() < 22) {
      return otherwise(`version ${version} crashes on Node ${process.versions.node}, use version 12`);
    }
    const constructor = require("better-sqlite3") as Constructor;
    // The package may be there without its binary, which is only looked for when a database is opened.
    new constructor(":memory:", { timeout: 0 }).close();
    return { name: "better-sqlite3", open: (file) => new constructor(file, { timeout: 0 }) };
  } catch (error) {
    return otherwise(firstLine(error));
  }
}

/** Only on request: it has the interface of better-sqlite3, and a SQLite of its own. */
function libsql(): SqliteDriver {
  try {
    const constructor = createRequire(import.meta.url)("libsql") as Constructor;
    return { name: "libsql", open: (file) => new constructor(file, { timeout: 0 }) };
  } catch (error) {
    return fail("libsql", `cannot be loaded (${firstLine(error)})`, "install the package libsql");
  }
}

function nodeMajor(): number {
  return Number.parseInt(process.versions.node, 10);
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n", 1)[0] ?? "";
}

function fail(field: string, problem: string, remedy: string): never {
  throw new InvalidInputError(field, problem, remedy);
}
