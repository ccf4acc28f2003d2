/** The store contract on Postgres: each method hands on to the file that does it. */
import pg from "pg";
import { realPorts } from "../../ports/real-ports.ts";
import type { BeginOptions, OwnTransaction, Store } from "../contract.ts";
import { Claiming } from "./claiming.ts";
import { Confirming } from "./confirming.ts";
import { OwnConnections } from "./connections.ts";
import { Enqueuing } from "./enqueue.ts";
import { examineDatabase } from "./examination.ts";
import { namesIn } from "./identifier.ts";
import { checkSchema, migrate, warnings } from "./migrate.ts";
import { Operating } from "./operating.ts";
import { checkedOptions, type PostgresStoreOptions } from "./options.ts";
import { beginTransaction, type PostgresTransactionApi } from "./own-transaction.ts";
import { PreparedStatements } from "./prepared-statements.ts";
import { Processes } from "./processes.ts";
import { Recording } from "./recording.ts";
import { Settling } from "./settling.ts";
import {
  CallerTransactions,
  type PostgresTransaction,
  type PostgresTransactions,
  pgTransactions,
} from "./transaction.ts";
import { wakeUpsOf } from "./wake-ups.ts";

/** Tasks of one insert statement. */
const CHUNK_TASKS = 1_000;
/** Bytes of data of one insert statement. */
const CHUNK_BYTES = 4 * 1_024 * 1_024;

/** A store on Postgres 14 or newer. `Transaction` is what enqueue takes: a client of `pg`, or what the adapter says. */
export type PostgresStore<Transaction = PostgresTransaction> = Store<
  Transaction,
  PostgresTransactionApi,
  false
>;

/** Options of a store whose callers use a library that has an adapter. */
export type AdaptedPostgresStoreOptions<Transaction> = PostgresStoreOptions & {
  /** The adapter of the library whose transactions you pass to enqueue; without it, they are clients of `pg`. */
  readonly transactions: PostgresTransactions<Transaction>;
};

/**
 * Tasks in Postgres, in a schema of their own. Nothing is opened before the first call. Your pool serves
 * `scheduler.transaction` and nothing else; the store's own statements run on connections of their own, made from the
 * same settings. Throws InvalidInputError for options that cannot be used.
 */
export function postgresStore<Transaction extends object>(
  options: AdaptedPostgresStoreOptions<Transaction>,
): PostgresStore<Transaction>;
export function postgresStore(options: PostgresStoreOptions): PostgresStore;
export function postgresStore(
  options: PostgresStoreOptions & { readonly transactions?: PostgresTransactions<object> },
): PostgresStore<object> {
  const checked = checkedOptions(options);
  const names = namesIn(checked.schema);
  const own = new OwnConnections(checked);
  const callers = new CallerTransactions(options.transactions ?? pgTransactions);
  const prepared = checked.pooler ? null : new PreparedStatements();
  const enqueuing = new Enqueuing(names, callers);
  const claiming = new Claiming(own, names, realPorts.clock);
  const confirming = new Confirming(own, names, callers);
  const settling = new Settling(own, names);
  const processes = new Processes(own, names);
  const recording = new Recording(own, names);
  const operating = new Operating(own, names, recording);
  const transactions = new TransactionPool(checked.userPool, checked.connection);

  const store: PostgresStore<object> = {
    name: "postgres",
    synchronous: false,
    chunkTasks: CHUNK_TASKS,
    chunkBytes: CHUNK_BYTES,
    wakeUps: wakeUpsOf(own, checked),

    migrate: () => migrate(own, checked.schema, names),
    checkSchema: () => checkSchema(own, checked.schema, names),
    warnings: () => warnings(own),
    examine: (call = {}) => {
      const { schema, pooler } = checked;
      return examineDatabase({ own, names, schema, pooler }, call);
    },
    close: async () => {
      await Promise.all([own.close(), transactions.close()]);
    },

    assertTransaction: (candidate): asserts candidate is object => callers.assertTransaction(candidate),
    begin: (begin?: BeginOptions): Promise<OwnTransaction<object, PostgresTransactionApi>> =>
      beginTransaction(transactions.pool(), { callers, prepared }, begin),
    afterCommit: (transaction, run) => callers.afterCommit(transaction, run),
    savepoint: (transaction) => callers.savepoint(transaction),
    insert: (transaction, tasks, birth, call = {}) => enqueuing.insert(transaction, tasks, birth, call),
    insertOrRefuse: (transaction, tasks, birth, call = {}) =>
      enqueuing.insertOrRefuse(transaction, tasks, birth, call),
    resolveDuplicates: (transaction, missing, birth, createdIds, call = {}) =>
      enqueuing.resolve(transaction, missing, birth, createdIds, call),
    confirmWithin: (transaction, task, call = {}) => confirming.confirmWithin(transaction, task, call),
    readConfirmations: (tasks) => confirming.readConfirmations(tasks),

    readCommitted: (claims) => claiming.readCommitted(claims),
    claim: (request, call = {}) => claiming.claim(request, call),
    claimById: (request, call = {}) => claiming.claimById(request, call),
    freeEndedClaims: (request, call = {}) => claiming.freeEndedClaims(request, call),
    settle: (settlements, call = {}) => settling.settle(settlements, call),

    register: (process, call = {}) => processes.register(process, call),
    beat: async (owner, dead, call = {}) => {
      const answer = await processes.beat(owner, dead, call);
      claiming.saw(answer.others);
      return answer;
    },
    removeProcess: (owner) => processes.remove(owner),
    processes: (call = {}) => processes.show(call),

    ...operatorMethods(operating, recording),
  };
  return Object.freeze(store);
}

/** What people and dashboards ask for. */
const operatorMethods = (operating: Operating, recording: Recording) =>
  ({
    get: (taskId) => operating.get(taskId),
    list: (request, call = {}) => operating.list(request, call),
    listByTaskId: (request) => operating.listByTaskId(request),
    count: (state) => operating.count(state),
    statistics: (call = {}) => operating.statistics(call),
    balance: () => operating.balance(),
    cancel: (taskId, call = {}) => operating.cancel(taskId, call),
    redrive: (taskId, call = {}) => operating.redrive(taskId, call),
    erase: (taskId, call = {}) => operating.erase(taskId, call),
    delete: (taskId, call = {}) => operating.delete(taskId, call),
    prune: (request, call = {}) => operating.prune(request, call),
    countPrunable: (request, call = {}) => operating.countPrunable(request, call),

    recordAct: (act, call = {}) => recording.recordAct(act, call),
    acts: (request) => recording.acts(request),
    recordRollUps: (rollUps, call = {}) => recording.recordRollUps(rollUps, call),
    rollUps: (request, call = {}) => recording.rollUps(request, call),
    foldRollUps: (call = {}) => recording.foldRollUps(call),
  }) satisfies Partial<PostgresStore<object>>;

const ignore = (): void => undefined;

/** The pool of `begin`: the user's, or one that is made when it is first needed and closed with the store. */
class TransactionPool {
  readonly #users: pg.Pool | null;
  readonly #connection: pg.PoolConfig;
  #made: pg.Pool | null = null;

  constructor(users: pg.Pool | null, connection: pg.PoolConfig) {
    // A connection that breaks while idle is replaced by the pool; with no listener at all it would end the process.
    users?.on("error", ignore);
    this.#users = users;
    this.#connection = connection;
  }

  pool(): pg.Pool {
    if (this.#users !== null) return this.#users;
    if (this.#made === null) {
      this.#made = new pg.Pool({
        connectionTimeoutMillis: 5_000,
        keepAlive: true,
        pipeline: true,
        ...this.#connection,
      });
      this.#made.on("error", ignore);
    }
    return this.#made;
  }

  async close(): Promise<void> {
    this.#users?.off("error", ignore);
    const made = this.#made;
    this.#made = null;
    await made?.end();
  }
}
