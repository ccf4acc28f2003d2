/** The SQLite store: the store contract on one file that several processes may share. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";

import { InvalidInputError, SchemaMissingError } from "../../errors.ts";
import type { Ports } from "../../ports/ports.ts";
import { realPorts } from "../../ports/real-ports.ts";
import { checkNames, optionNames } from "../../task/option-checks.ts";
import type {
  BeginOptions,
  ConfirmationStanding,
  InsertAnswer,
  ResolvedDuplicate,
  Savepoint,
  Store,
  StoreCall,
} from "../contract.ts";
import { isolationLevelOf } from "../isolation-level.ts";
import { KeyPlaces } from "../key-places.ts";
import { listActs, recordAct } from "./acts.ts";
import { CallerHandles } from "./caller-handles.ts";
import { claimNamed, claimTasks, findNamed, freeEndedClaims, probeClaim } from "./claim.ts";
import type { Connection } from "./connection.ts";
import { readNow } from "./connection-statements.ts";
import { Database } from "./database.ts";
import {
  loadDriver,
  type SqliteDriverName,
  type SqliteTransaction,
  type SqliteTransactions,
} from "./driver.ts";
import { claimStands, insertTasks, resolveTasks } from "./enqueue.ts";
import { examineFile, examineMissingFile } from "./examination.ts";
import { operate, prunableTasks, prune } from "./operators.ts";
import { ownTransaction, type SqliteApi, type SqliteOwnTransaction } from "./own-transaction.ts";
import { beat, register, removeProcess, showProcesses } from "./processes.ts";
import {
  assertListRequest,
  countTasksIn,
  getTask,
  listTasks,
  listTasksById,
  readBalance,
  readStatistics,
} from "./reading.ts";
import { addAll, foldRollUps, readRollUps } from "./roll-ups.ts";
import { asOneCall, setSavepoint } from "./savepoint.ts";
import { assertUsableVersion, migrateSchema, readSchemaVersion } from "./schema.ts";
import { confirmUnderToken, settleAll, standingOfConfirmation } from "./settle.ts";
import { fileFindings, unsafeCallerWarning } from "./warnings.ts";

const DEFAULT_LOCK_WAIT_MS = 10_000;
/** One call's statements block the event loop; a call of this size takes some tens of milliseconds. */
const CHUNK_TASKS = 1_000;
const CHUNK_BYTES = 16 * 1_024 * 1_024;
/** Tasks deleted in one transaction, so that pruning never holds the write lock for long. */
const PRUNED_AT_ONCE = 500;

/** How to open a SQLite store. */
export interface SqliteStoreOptions {
  /** Path of the database file; it is created by `migrate` if it is missing, its folder is not. */
  readonly file: string;
  /** The binding to use. By default node:sqlite from Node 24.15 on, else better-sqlite3 if it is installed, else an older node:sqlite. */
  readonly driver?: SqliteDriverName;
  /** How long a lock held by another process is waited for, without blocking the event loop; 10,000 by default. */
  readonly lockWaitMs?: number;
  /** Time and randomness; the machine's by default. */
  readonly ports?: Ports;
}

/** Options of a store whose callers use a library that has an adapter. */
export interface AdaptedSqliteStoreOptions<Transaction> extends SqliteStoreOptions {
  /** The adapter of the library whose transactions you pass to enqueue; without it, they are connections. */
  readonly transactions: SqliteTransactions<Transaction>;
}

const storeOptions = optionNames<AdaptedSqliteStoreOptions<object>>({
  file: true,
  driver: true,
  lockWaitMs: true,
  ports: true,
  transactions: true,
});

/** A store on a SQLite file. Its connections are opened at first use. */
export interface SqliteStore<Transaction = SqliteTransaction>
  extends Store<Transaction, SqliteApi, true>,
    AsyncDisposable {
  /** Absolute path of the file. */
  readonly file: string;
  /** The binding in use. */
  readonly driver: SqliteDriverName;
  begin(options?: BeginOptions): Promise<SqliteOwnTransaction<Transaction>>;
  savepoint(transaction: Transaction): Savepoint;
  insert(...parameters: Parameters<Store<Transaction>["insert"]>): InsertAnswer;
  resolveDuplicates(
    ...parameters: Parameters<Store<Transaction>["resolveDuplicates"]>
  ): readonly ResolvedDuplicate[];
  confirmWithin(...parameters: Parameters<Store<Transaction>["confirmWithin"]>): boolean;
}

/**
 * Makes a store on a file that several processes of one machine may share. A transaction of this store is a connection
 * of better-sqlite3, node:sqlite or libsql on the same file, while a transaction is open on it, or what an adapter finds
 * one in. Throws InvalidInputError when the file cannot be one or no binding can be loaded; nothing is opened before
 * first use.
 */
export function sqliteStore<Transaction extends object>(
  options: AdaptedSqliteStoreOptions<Transaction>,
): SqliteStore<Transaction>;
export function sqliteStore(options: SqliteStoreOptions): SqliteStore;
export function sqliteStore(
  options: SqliteStoreOptions & { readonly transactions?: SqliteTransactions<object> },
): SqliteStore<object> {
  if (typeof options !== "object" || options === null) {
    throw new InvalidInputError("options", "is no object", 'give at least { file: "data/app.db" }');
  }
  checkNames("sqliteStore", options, storeOptions);
  const { lockWaitMs = DEFAULT_LOCK_WAIT_MS, ports = realPorts } = options;
  const file = fileOf(options.file);
  if (!Number.isFinite(lockWaitMs) || lockWaitMs < 0) {
    throw new InvalidInputError("lockWaitMs", `is ${lockWaitMs}`, "give a number of milliseconds, 0 or more");
  }
  const driver = loadDriver(options.driver);
  const database = new Database({ file, driver, ports, lockWaitMs });
  const handles = new CallerHandles(file, options.transactions);
  return Object.freeze({
    name: "sqlite",
    synchronous: true,
    file,
    driver: driver.name,
    chunkTasks: CHUNK_TASKS,
    chunkBytes: CHUNK_BYTES,
    close: () => database.close(),
    [Symbol.asyncDispose]: () => database.close(),
    ...schemaMethods(database, handles, file, ports),
    ...transactionMethods(database, handles),
    ...executionMethods(database),
    ...readingMethods(database),
    ...operatorMethods(database),
  });
}

function fileOf(file: unknown): string {
  if (typeof file !== "string" || file === "") {
    throw new InvalidInputError(
      "file",
      file === undefined ? "is missing" : "is no path",
      'say where the database lives, as in file: "data/app.db"',
    );
  }
  if (file.startsWith(":memory:") || file.startsWith("file:")) {
    throw new InvalidInputError(
      "file",
      `is "${file}"`,
      "name a file by its path; for tasks in memory use memoryStore()",
    );
  }
  return resolve(file);
}

/** The instant of a call, in whole milliseconds: the database's, unless a test says otherwise. */
function nowOf(connection: Connection, call: StoreCall | undefined): number {
  if (call?.now !== undefined) return Math.round(call.now);
  return connection.first<{ readonly now: number }>(readNow)?.now ?? 0;
}

type SchemaMethod = "migrate" | "checkSchema" | "warnings" | "examine";

function schemaMethods(
  database: Database,
  handles: CallerHandles,
  file: string,
  ports: Ports,
): Pick<SqliteStore<object>, SchemaMethod> {
  return {
    async examine(call) {
      if (!existsSync(file)) return examineMissingFile(call?.now ?? ports.clock.wallMs());
      return await database.read((connection) => examineFile(connection, file, nowOf(connection, call)));
    },
    migrate: () => database.write(migrateSchema),
    async checkSchema() {
      // Looking must not create the file.
      if (!existsSync(file))
        throw new SchemaMissingError(`${file} does not exist: let start() migrate, or call store.migrate()`);
      await database.read((connection) => assertUsableVersion(readSchemaVersion(connection), file));
    },
    async warnings() {
      const found = await database.read((connection) => fileFindings(connection, file));
      const warnings = found.map(({ problem, remedy }) => `${problem}: ${remedy}`);
      return handles.hasUnsafeCommits ? [...warnings, unsafeCallerWarning()] : warnings;
    },
  };
}

type TransactionMethod =
  | "assertTransaction"
  | "begin"
  | "savepoint"
  | "insert"
  | "resolveDuplicates"
  | "confirmWithin"
  | "readConfirmations"
  | "readCommitted";

function transactionMethods(
  database: Database,
  handles: CallerHandles,
): Pick<SqliteStore<object>, TransactionMethod> {
  let lastSavepoint = 0;
  const ids = { last: 0n };
  const savepointOn = (connection: Connection): Savepoint => {
    lastSavepoint += 1;
    return setSavepoint(connection, lastSavepoint);
  };
  return {
    assertTransaction(candidate): asserts candidate is object {
      handles.inTransaction(candidate);
    },
    async begin(options) {
      isolationLevelOf(options); // every level is kept here: there is one writer
      const open = await database.begin();
      handles.adopt(open.handle);
      return ownTransaction(open, () => savepointOn(open.connection));
    },
    savepoint: (transaction) => savepointOn(handles.inTransaction(transaction).connection),
    insert(transaction, tasks, birth, call) {
      const { connection, mark } = handles.inTransaction(transaction);
      const created = asOneCall(connection, () =>
        insertTasks({ connection, birth, nowMs: nowOf(connection, call), ids }, tasks),
      );
      return { created, transactionMark: mark };
    },
    resolveDuplicates(transaction, missing, birth, createdIds, call) {
      const { connection } = handles.inTransaction(transaction);
      return asOneCall(connection, () =>
        resolveTasks({ connection, birth, nowMs: nowOf(connection, call), ids }, missing, createdIds),
      );
    },
    confirmWithin(transaction, task, call) {
      const { connection } = handles.inTransaction(transaction);
      return asOneCall(connection, () => confirmUnderToken(connection, task, nowOf(connection, call)));
    },
    async readConfirmations(tasks) {
      const read = (connection: Connection): readonly ConfirmationStanding[] =>
        tasks.map((task) => standingOfConfirmation(connection, task));
      const standings = await database.read(read);
      // Who holds the write lock has seen the end of every transaction that had confirmed one of them.
      return standings.includes("held") ? await database.write(read, "relaxed") : standings;
    },
    async readCommitted(claims) {
      // Asked before the rows are read: what was open then may be committed, and is not gone.
      const open = claims.map(
        ({ transactionMark }) => transactionMark === null || handles.isOpen(transactionMark),
      );
      const standing = await database.read((connection) =>
        claims.map((claim) => claimStands(connection, claim)),
      );
      return claims.map((_, place) => {
        if (standing[place] === true) return "committed";
        return open[place] === true ? "open" : "gone";
      });
    },
  };
}

type ExecutionMethod =
  | "claim"
  | "claimById"
  | "freeEndedClaims"
  | "settle"
  | "register"
  | "beat"
  | "removeProcess"
  | "processes";

function executionMethods(database: Database): Pick<SqliteStore<object>, ExecutionMethod> {
  const places = new KeyPlaces();
  return {
    async claim(request, call) {
      const idle = await database.read((connection) =>
        probeClaim(connection, request, nowOf(connection, call), places),
      );
      if (idle !== null) return idle;
      return await database.write(
        (connection) => claimTasks(connection, request, nowOf(connection, call), places),
        "relaxed",
      );
    },
    async claimById(request, call) {
      const found = await database.read((connection) =>
        findNamed(connection, request, nowOf(connection, call)),
      );
      if (found.length === 0) return [];
      return await database.write(
        (connection) => claimNamed(connection, request, nowOf(connection, call)),
        "relaxed",
      );
    },
    async freeEndedClaims(request, call) {
      return await database.write((connection) =>
        freeEndedClaims(connection, request, nowOf(connection, call)),
      );
    },
    async settle(settlements, call) {
      if (settlements.length === 0) return [];
      return await database.write((connection) =>
        settleAll(connection, settlements, nowOf(connection, call)),
      );
    },
    register: (record, call) =>
      database.write((connection) => register(connection, record, nowOf(connection, call)), "relaxed"),
    beat: (owner, dead, call) =>
      database.write((connection) => beat(connection, owner, dead, nowOf(connection, call)), "relaxed"),
    removeProcess: (owner) => database.write((connection) => removeProcess(connection, owner), "relaxed"),
    processes: (call) => database.read((connection) => showProcesses(connection, nowOf(connection, call))),
  };
}

type ReadingMethod = "get" | "list" | "listByTaskId" | "count" | "statistics" | "balance" | "countPrunable";

function readingMethods(database: Database): Pick<SqliteStore<object>, ReadingMethod> {
  return {
    get: (taskId) => database.read((connection) => getTask(connection, taskId)),
    async list(request, call) {
      assertListRequest(request);
      return await database.read((connection) => listTasks(connection, request, nowOf(connection, call)));
    },
    listByTaskId: (request) => database.read((connection) => listTasksById(connection, request)),
    count: (state) => database.read((connection) => countTasksIn(connection, state)),
    statistics: (call) => database.read((connection) => readStatistics(connection, nowOf(connection, call))),
    balance: () => database.read(readBalance),
    countPrunable: ({ olderThanMs, limit }, call) =>
      database.read((connection) => prunableTasks(connection, nowOf(connection, call) - olderThanMs, limit)),
  };
}

type OperatorMethod =
  | "cancel"
  | "redrive"
  | "erase"
  | "delete"
  | "prune"
  | "recordAct"
  | "acts"
  | "recordRollUps"
  | "rollUps"
  | "foldRollUps";

function operatorMethods(database: Database): Pick<SqliteStore<object>, OperatorMethod> {
  const operation =
    (action: "cancel" | "redrive" | "erase" | "delete"): SqliteStore<object>["cancel"] =>
    (taskId, call) =>
      database.write((connection) => operate(connection, action, taskId, nowOf(connection, call), call));
  return {
    cancel: operation("cancel"),
    redrive: operation("redrive"),
    erase: operation("erase"),
    delete: operation("delete"),
    async prune({ olderThanMs, limit }, call) {
      let pruned = 0;
      for (;;) {
        const wanted = Math.min(limit - pruned, PRUNED_AT_ONCE);
        if (wanted <= 0) return pruned;
        const gone = await database.write((connection) =>
          prune(connection, nowOf(connection, call) - olderThanMs, wanted),
        );
        pruned += gone;
        if (gone < wanted) return pruned;
      }
    },
    recordAct: (act, call) =>
      database.write((connection) => recordAct(connection, act, nowOf(connection, call))),
    acts: async (request) => await database.read((connection) => listActs(connection, request)),
    recordRollUps: (given, call) =>
      database.write((connection) => addAll(connection, given, nowOf(connection, call)), "relaxed"),
    rollUps: (request, call) =>
      database.read((connection) => readRollUps(connection, request, nowOf(connection, call))),
    foldRollUps: (call) =>
      database.write((connection) => foldRollUps(connection, nowOf(connection, call)), "relaxed"),
  };
}
