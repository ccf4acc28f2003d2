/** The memory store: every method of the contract, each one instant on the committed whole. */
import { NotATransactionError } from "../../errors.ts";
import type { Clock } from "../../ports/ports.ts";
import { realPorts } from "../../ports/real-ports.ts";
import { checkNames, checkObject, optionNames } from "../../task/option-checks.ts";
import type {
  BeginOptions,
  BornClaim,
  BornClaimStanding,
  OperatorAnswer,
  OperatorCall,
  Store,
  StoreCall,
  StoreFinding,
} from "../contract.ts";
import { isolationLevelOf } from "../isolation-level.ts";
import { Acts, actOf, standingBefore } from "./acts.ts";
import type { Audit } from "./audit.ts";
import { Claims } from "./claims.ts";
import { Database, pendingLock } from "./database.ts";
import { insertTasks, resolveDuplicates } from "./enqueue.ts";
import { cancel, deleteSettled, erase, prunable, prune, redrive } from "./operators.ts";
import { Processes } from "./processes.ts";
import { balance, list, listByTaskId, statistics, taskWithAttemptsOf } from "./reading.ts";
import { RollUps } from "./roll-ups.ts";
import { isCurrent, type TaskRow } from "./rows.ts";
import { Session } from "./session.ts";
import { settle, standingOfConfirmation } from "./settlements.ts";
import { type MemoryRows, MemoryTransaction } from "./transaction.ts";

/** How to make a memory store. */
export interface MemoryStoreOptions {
  /** What this store takes for the database's clock; the wall clock of the ports. The machine's, unless given. */
  readonly ports?: { readonly clock: Pick<Clock, "wallMs"> };
  /** A clock of the store's own, where it shall differ from that of the processes. Goes before `ports`. */
  readonly clock?: Pick<Clock, "wallMs">;
  /** Told every committed change, in commit order: what triggers would write in a database. For simulations. */
  readonly audit?: Audit;
}

const VOLATILE: StoreFinding = Object.freeze({
  code: "volatile",
  severity: "warning",
  problem: "the memory store loses all tasks when this process ends",
  remedy: "use it for tests and demos",
});

const storeOptions = optionNames<MemoryStoreOptions>({ ports: true, clock: true, audit: true });

/** A store in the memory of this process; several schedulers may share it. */
export interface MemoryStore extends Store<MemoryTransaction, MemoryRows, false> {
  begin(options?: BeginOptions): Promise<MemoryTransaction>;
}

/**
 * Makes an empty store whose tasks live as long as it does. Its transactions are real ones: nobody sees what is not
 * committed, a commit shows everything at once, savepoints roll back, and the second of two transactions that insert
 * the same task waits for the first. With `repeatable read` or `serializable` a transaction reads as of its begin.
 */
export function memoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  checkObject("options", options, "pass { ports, clock, audit } or nothing");
  checkNames("memoryStore", options, storeOptions);
  const clock = options.clock ?? options.ports?.clock ?? realPorts.clock;
  const nowOf = (call: StoreCall | undefined): number => call?.now ?? clock.wallMs();
  const database = new Database(options.audit);
  const processes = new Processes(options.audit);
  return Object.freeze({
    name: "memory",
    synchronous: false,
    chunkTasks: 10_000,
    chunkBytes: 64 * 1_024 * 1_024,
    async migrate() {},
    async checkSchema() {},
    async warnings() {
      return [`${VOLATILE.problem}: ${VOLATILE.remedy}`];
    },
    async examine(call?: StoreCall) {
      return { schemaVersion: { found: 1, known: 1 }, now: new Date(nowOf(call)), findings: [VOLATILE] };
    },
    async close() {},
    ...transactionMethods(database, nowOf),
    ...executionMethods(database, processes, nowOf),
    ...operatorMethods(database, processes, nowOf),
    ...recordMethods(database, nowOf),
  });
}

type NowOf = (call: StoreCall | undefined) => number;

type TransactionMethod =
  | "assertTransaction"
  | "begin"
  | "savepoint"
  | "insert"
  | "resolveDuplicates"
  | "confirmWithin";

function transactionMethods(database: Database, nowOf: NowOf): Pick<MemoryStore, TransactionMethod> {
  const sessions = new WeakMap<object, Session>();
  const sessionOf = (candidate: unknown): Session => {
    const session = typeof candidate === "object" && candidate !== null ? sessions.get(candidate) : undefined;
    if (session === undefined) {
      throw new NotATransactionError("this is no transaction of this memory store", "pass what begin() gave");
    }
    if (!session.isOpen) {
      throw new NotATransactionError("this transaction has ended", "enqueue before commit or rollback");
    }
    return session;
  };
  return {
    assertTransaction(candidate): asserts candidate is MemoryTransaction {
      sessionOf(candidate);
    },
    async begin(options) {
      const level = isolationLevelOf(options) ?? "read committed";
      const session = new Session(database, level !== "read committed");
      const transaction = new MemoryTransaction(session);
      sessions.set(transaction, session);
      return transaction;
    },
    savepoint: async (transaction) => sessionOf(transaction).savepoint(),
    async insert(transaction, tasks, birth, call) {
      const session = sessionOf(transaction);
      return session.statement(() => insertTasks(session, tasks, birth, nowOf(call)));
    },
    async resolveDuplicates(transaction, missing, birth, createdIds, call) {
      const session = sessionOf(transaction);
      return session.statement(() => resolveDuplicates(session, missing, birth, createdIds, nowOf(call)));
    },
    async confirmWithin(transaction, task, call) {
      const session = sessionOf(transaction);
      return session.statement(() => session.confirm(task, nowOf(call)));
    },
  };
}

type ExecutionMethod =
  | "readConfirmations"
  | "readCommitted"
  | "claim"
  | "claimById"
  | "freeEndedClaims"
  | "settle"
  | "register"
  | "beat"
  | "removeProcess"
  | "processes";

function executionMethods(
  database: Database,
  processes: Processes,
  nowOf: NowOf,
): Pick<MemoryStore, ExecutionMethod> {
  const { tables } = database;
  const isLocked = (row: TaskRow): boolean => database.isLocked(row);
  const claims = new Claims(tables, processes, isLocked);
  return {
    readConfirmations: async (tasks) =>
      tasks.map(({ id, token }) => standingOfConfirmation(tables.findById(id), token, isLocked)),
    readCommitted: async (bornClaims) => bornClaims.map((bornClaim) => standingOf(database, bornClaim)),
    claim: async (request, call) => claims.claim(request, nowOf(call)),
    claimById: async (request, call) => claims.claimById(request, nowOf(call)),
    async freeEndedClaims(request, call) {
      return { left: claims.freeEnded(request, nowOf(call)), next: null };
    },
    async settle(settlements, call) {
      const nowMs = nowOf(call);
      return settlements.map((settlement) => {
        const row = tables.findById(settlement.id);
        const isBusy = row !== undefined && isLocked(row);
        return isBusy ? { verdict: "busy", state: "pending" } : settle(tables, settlement, nowMs);
      });
    },
    register: async (record, call) => processes.register(record, nowOf(call)),
    beat: async (owner, dead, call) => processes.beat(owner, dead, nowOf(call)),
    removeProcess: async (owner) => processes.remove(owner),
    processes: async (call) => processes.shown(nowOf(call)),
  };
}

type OperatorMethod =
  | "get"
  | "list"
  | "listByTaskId"
  | "count"
  | "statistics"
  | "balance"
  | "prune"
  | "countPrunable";

function operatorMethods(
  { tables }: Database,
  processes: Processes,
  nowOf: NowOf,
): Pick<MemoryStore, OperatorMethod> {
  return {
    async get(taskId) {
      const row = tables.find(taskId);
      return row === undefined ? null : taskWithAttemptsOf(row);
    },
    listByTaskId: async (request) => listByTaskId(tables, request),
    list: async (request, call) => list(tables, processes, request, nowOf(call)),
    count: async (state) => tables.inState(state).size,
    statistics: async (call) => statistics(tables, processes, nowOf(call)),
    balance: async () => balance(tables),
    prune: async (request, call) => prune(tables, request, nowOf(call)),
    countPrunable: async (request, call) => prunable(tables, request, nowOf(call)).length,
  };
}

type RecordMethod =
  | "cancel"
  | "redrive"
  | "erase"
  | "delete"
  | "recordAct"
  | "acts"
  | "recordRollUps"
  | "rollUps"
  | "foldRollUps";

/** What people do, and what is kept of what happened. */
function recordMethods({ tables, locks }: Database, nowOf: NowOf): Pick<MemoryStore, RecordMethod> {
  const acts = new Acts();
  const rollUps = new RollUps();
  const acted = (
    action: "cancel" | "redrive" | "erase" | "delete",
    taskId: string,
    call: OperatorCall | undefined,
    act: () => OperatorAnswer,
  ): OperatorAnswer => {
    const before = standingBefore(tables.find(taskId));
    const answer = act();
    const record = actOf(action, taskId, before, answer, call);
    if (record !== null) acts.record(record, nowOf(call));
    return answer;
  };
  return {
    async cancel(taskId, call) {
      const row = tables.find(taskId);
      if (row !== undefined && locks.isHeld(pendingLock(row))) {
        await locks.acquire(pendingLock(row), {}); // a transaction that is about to end it goes first
        locks.release(pendingLock(row));
      }
      return acted("cancel", taskId, call, () => cancel(tables, taskId, nowOf(call), call));
    },
    redrive: async (taskId, call) =>
      acted("redrive", taskId, call, () => redrive(tables, taskId, nowOf(call), call)),
    erase: async (taskId, call) => acted("erase", taskId, call, () => erase(tables, taskId, call)),
    delete: async (taskId, call) => acted("delete", taskId, call, () => deleteSettled(tables, taskId, call)),
    recordAct: async (act, call) => acts.record(act, nowOf(call)),
    acts: async (request) => acts.list(request),
    recordRollUps: async (given, call) => rollUps.record(given, nowOf(call)),
    rollUps: async (request, call) => rollUps.read(request, nowOf(call)),
    foldRollUps: async (call) => rollUps.fold(nowOf(call)),
  };
}

/** Status and row are read at one instant here, so neither can outrun the other. */
function standingOf(database: Database, { id, token, transactionMark }: BornClaim): BornClaimStanding {
  const row = database.tables.findById(id);
  if (row !== undefined && isCurrent(row, token)) return "committed";
  return transactionMark === null || database.isOpen(transactionMark) ? "open" : "gone";
}
