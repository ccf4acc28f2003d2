/**
 * The store contract: what a place where tasks live must do. One method is one operation that happens wholly or not
 * at all. Every instant is the database's; a method that looks at the clock, or may come to, takes an optional `now`
 * (milliseconds since 1970) that only tests use. The laws are spelled out, and checked, in conformance/.
 */
import type { ClaimedTask, DuplicatePolicy, TaskState, TaskWithAttempts, Token } from "../task/task.ts";
import type { ActPage, ActRequest, NewAct, Operator } from "./act.ts";
import type {
  ClaimAnswer,
  ClaimByIdRequest,
  ClaimRequest,
  EndedClaimsAnswer,
  EndedClaimsRequest,
} from "./claim-request.ts";
import type { StoreExamination } from "./examination.ts";
import type { ListByTaskIdRequest, ListRequest, TaskPage } from "./page.ts";
import type { BeatAnswer, ProcessRecord, RegisteredProcess } from "./registry.ts";
import type { RollUp, RollUpAnswer, RollUpRequest } from "./roll-up.ts";
import type { ConfirmationStanding, HeldTask, SettleAnswer, Settlement } from "./settlement.ts";
import type { WakeUps } from "./wake-ups.ts";

export type { DuplicatePolicy } from "../task/task.ts";
export type { Act, ActName, ActPage, ActRequest, NewAct, Operator } from "./act.ts";
export type {
  ClaimAnswer,
  ClaimByIdRequest,
  ClaimHolder,
  ClaimRequest,
  EndedClaimsAnswer,
  EndedClaimsRequest,
  KeyRooms,
  TypeRoom,
} from "./claim-request.ts";
export type { StoreExamination, StoreFinding } from "./examination.ts";
export type { ListByTaskIdRequest, ListRequest, TaskPage } from "./page.ts";
export type { BeatAnswer, ObservedProcess, ProcessRecord, RegisteredProcess } from "./registry.ts";
export type { RollUp, RollUpAnswer, RollUpRequest, SlowAttempt, TimedRollUp } from "./roll-up.ts";
export type {
  ConfirmationStanding,
  ConfirmSettlement,
  FailSettlement,
  HeldTask,
  ReleaseSettlement,
  RetrySettlement,
  SettleAnswer,
  Settlement,
} from "./settlement.ts";
export type { Listening, WakeUpEvents, WakeUps } from "./wake-ups.ts";

/** A value, or a promise of it. A synchronous store (SQLite) answers calls inside a transaction with plain values. */
export type Awaitable<Value> = Value | Promise<Value>;

/** What a method that looks at the clock takes last. */
export interface StoreCall {
  /** Replaces the database's clock, in milliseconds since 1970. For tests alone. */
  readonly now?: number | undefined;
}

/** What an operation of a person on one task takes last. */
export interface OperatorCall extends StoreCall {
  /** The generation the person saw. When the task is in another by now, nothing is changed, and the answer is the state it is in. */
  readonly generation?: number | undefined;
  /** Who acts. It is put on record with what came of it: in the same transaction where something was changed. Without it nothing is. */
  readonly by?: Operator | undefined;
}

/** A task about to be written. */
export interface NewTask {
  readonly taskId: string;
  readonly type: string;
  /** By what tasks of the type are told apart; null for none. */
  readonly key: string | null;
  readonly data: Uint8Array;
  readonly codec: string;
  readonly referenceId: string | null;
  readonly headers: Readonly<Record<string, string>> | null;
  /** Due this long after the database's now; 0 for at once. Ignored when `dueAtMs` is set. */
  readonly delayMs: number;
  /** Due at this instant, in milliseconds since 1970; one in the past counts as now. */
  readonly dueAtMs: number | null;
  /** True: insert it under the call's `birth` claim, so that the fast path needs no claim of its own. */
  readonly bornClaimed: boolean;
  readonly onDuplicate: DuplicatePolicy;
}

/** The claim under which the born-claimed tasks of one insert stand. */
export interface BirthClaim {
  readonly owner: string;
  readonly claim: number;
}

/** Answer to `insert`: the tasks that are new. Those missing from it stand already, see `resolveDuplicates`. */
export interface InsertAnswer {
  readonly created: readonly { readonly taskId: string; readonly id: string }[];
  /** Names the caller's transaction for `readCommitted`; null when the store cannot name it. */
  readonly transactionMark: string | null;
}

/** What became of one task that stood already. */
export interface ResolvedDuplicate {
  readonly taskId: string;
  /**
   * `created`: the original had vanished meanwhile, so it was inserted after all; `same`: it stands, with the same
   * content as far as its policy asks; `different` and `exists`: refused by the policies "compare" and "throw".
   */
  readonly verdict: "created" | "same" | "different" | "exists";
  /** The store's number of the task; null when refused. */
  readonly id: string | null;
}

/** A point inside the caller's transaction to which it can be rolled back. */
export interface Savepoint {
  rollback(): Awaitable<void>;
  release(): Awaitable<void>;
}

/** A born claim whose transaction may or may not have been committed. */
export interface BornClaim {
  readonly id: string;
  readonly token: Token;
  readonly transactionMark: string | null;
}

/** `committed`: it stands under its token; `open`: its transaction is not over, or cannot be told; `gone`: neither. */
export type BornClaimStanding = "committed" | "open" | "gone";

/** Counts that cost a bounded amount of work, however many tasks there are. */
export interface StoreStatistics {
  /** Pending, failed and cancelled tasks; each at most `countedUpTo`. */
  readonly pending: number;
  readonly failed: number;
  readonly cancelled: number;
  /** Confirmed and kept. May trail by a little on stores that estimate it. */
  readonly confirmed: number;
  /** Counting stops here. */
  readonly countedUpTo: number;
  /** How long the oldest due task has been due, whoever holds it; null when none is due. */
  readonly oldestDueAgeMs: number | null;
  /** Types of pending tasks that no live process executes. */
  readonly orphanedTypes: readonly string[];
  /** Registered processes. */
  readonly processes: number;
}

/** Conservation, each term counted from evidence of its own: enqueued = pending + confirmed + failed + cancelled + pruned. */
export interface Balance {
  /** Tasks ever committed. */
  readonly enqueued: number;
  readonly pending: number;
  readonly confirmed: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly pruned: number;
}

/** Which settled tasks are old enough to be deleted, and how many at most. */
export interface PruneRequest {
  readonly olderThanMs: number;
  readonly limit: number;
}

/** Result of a redrive or a cancellation: done, or why not. */
export type OperatorAnswer =
  | { readonly done: true }
  | { readonly done: false; readonly state: TaskState | "gone" };

/** A transaction the store opened itself, on a connection of its own (or of the user's pool). */
export interface OwnTransaction<Transaction, Api> {
  /** What `insert` takes. */
  readonly transaction: Transaction;
  /** What the user's callback gets to work with. */
  readonly api: Api;
  /**
   * True while all the user's statements went through `api` and none of them was transaction control, so that a
   * COMMIT of this transaction proves that what was inserted (outside rolled-back savepoints) is committed.
   */
  provesCommit(): boolean;
  /**
   * Where statements may be sent without waiting for the answers before: true while `insertOrRefuse` may be one of them. It is
   * then sent before it returns, and a COMMIT sent after it does not succeed without it.
   */
  sendsAhead?(): boolean;
  savepoint(): Awaitable<Savepoint>;
  /** Throws TransactionRolledBackError when COMMIT was answered with ROLLBACK, CommitUnknownError when it was not answered. */
  commit(): Awaitable<void>;
  /**
   * Never throws; gives the connection back, or destroys it when its state is unknown. `atOnce`: waits for no statement
   * under way, which costs the connection.
   */
  rollback(options?: { readonly atOnce: boolean }): Awaitable<void>;
}

/** How to open a transaction. */
export interface BeginOptions {
  /** Passed on to databases that have isolation levels; null is the connection's default. */
  readonly isolationLevel?: "read committed" | "repeatable read" | "serializable" | null;
}

/** Where tasks live. `Transaction` is what the user passes to enqueue, `Api` what `transaction(fn)` hands to the user. */
export interface Store<Transaction = unknown, Api = unknown, Synchronous extends boolean = boolean> {
  /** Short name for logs: `memory`, `sqlite`, `postgres`. */
  readonly name: string;
  /** True when `transaction(fn)` takes a synchronous callback, and calls inside a transaction answer with plain values. */
  readonly synchronous: Synchronous;
  /** How many tasks one insert statement takes at most; a call with more is cut into chunks inside one savepoint. */
  readonly chunkTasks: number;
  /** How many bytes of data one insert statement takes at most. */
  readonly chunkBytes: number;
  /** How processes wake each other, where the database has a way; polling finds the same work without. */
  readonly wakeUps?: WakeUps | undefined;

  /** Brings the schema up to date; many processes may call it at once. Throws SchemaTooNewError. */
  migrate(): Promise<void>;
  /** Throws SchemaMissingError or SchemaTooNewError unless the schema is usable by this version. Used with `migrate: false`. */
  checkSchema(): Promise<void>;
  /** Settings of the database that weaken what is promised, each as a sentence for the log. */
  warnings(): Promise<readonly string[]>;
  /** Looks at schema, settings and health of the database; works whatever version the schema has, and changes nothing. */
  examine(call?: StoreCall): Promise<StoreExamination>;
  /** Closes what the store opened itself, and nothing the user gave it. Calls under way may reject. */
  close(): Promise<void>;

  /** Throws NotATransactionError unless `candidate` is an open transaction of this store's kind. */
  assertTransaction(candidate: unknown): asserts candidate is Transaction;
  /** Opens a transaction of the store's own. */
  begin(options?: BeginOptions): Promise<OwnTransaction<Transaction, Api>>;
  savepoint(transaction: Transaction): Awaitable<Savepoint>;
  /**
   * Where the caller's library tells of commits: has `run` called when the transaction has ended with one. Only a hint:
   * what it starts reads before it believes.
   */
  afterCommit?(transaction: Transaction, run: () => void): void;

  /** One statement: writes what is new (in generation FIRST_GENERATION, 1), answers only that. Never aborts the transaction for a duplicate. */
  insert(
    transaction: Transaction,
    tasks: readonly NewTask[],
    birth: BirthClaim | null,
    call?: StoreCall,
  ): Awaitable<InsertAnswer>;
  /**
   * For tasks missing from the answer of `insert`. When any is refused, it also deletes `createdIds`, the call's own
   * inserts (and what it inserted itself), so that nothing of the call remains and the transaction stays usable.
   */
  resolveDuplicates(
    transaction: Transaction,
    missing: readonly NewTask[],
    birth: BirthClaim | null,
    createdIds: readonly string[],
    call?: StoreCall,
  ): Awaitable<readonly ResolvedDuplicate[]>;

  /**
   * `insert` and `resolveDuplicates` in one statement, for transactions that send ahead; answers what is new. A refusal is
   * raised in the database, so that the transaction cannot be committed any more: TaskConflictError, TaskExistsError.
   */
  insertOrRefuse?(
    transaction: Transaction,
    tasks: readonly NewTask[],
    birth: BirthClaim | null,
    call?: StoreCall,
  ): Promise<InsertAnswer>;

  /**
   * Confirms a task inside the caller's transaction, so that both are committed together or not at all. Answers false,
   * with nothing written, unless the claim is current: a success is never late here. Until the transaction ends nobody else
   * can claim, settle or cancel the task.
   */
  confirmWithin(transaction: Transaction, task: HeldTask, call?: StoreCall): Awaitable<boolean>;
  /** What became of such confirmations, in the order given, seen from a connection of the store's own. Changes nothing. */
  readConfirmations(tasks: readonly HeldTask[]): Promise<readonly ConfirmationStanding[]>;

  /**
   * Where born claims stand, in the order given, seen from a connection of the store's own. A transaction is asked
   * for its status before the row is read a last time, in separate statements.
   */
  readCommitted(claims: readonly BornClaim[], call?: StoreCall): Promise<readonly BornClaimStanding[]>;
  /**
   * Claims due tasks in due order; nothing for an owner that is not registered. Free is a row without owner, one whose owner is not registered any more, or one of
   * this owner under a lower number that is not in `liveClaims`. A row whose owner has died is counted lost here, with an
   * attempt to show it: lost once in all, it is a suspect and claimed if `suspectLimit` allows, else left free; lost
   * twice or more, it is set free and due only after `lostDelayMs(lostAttempts)`.
   * Suspects come out of `suspectLimit`, and never hide tasks behind them.
   * Where a type has `keys`, a key that is full hides no other, whatever its backlog: a claim may look at some keys only, in
   * turn, and takes in due order from those.
   */
  claim(request: ClaimRequest, call?: StoreCall): Promise<ClaimAnswer>;
  /**
   * Claims the named tasks if they are committed, due, free and of one of the types; nothing for an owner that is not
   * registered. A row whose owner has died is claimed as by `claim`; a task lost twice or more is left alone.
   */
  claimById(request: ClaimByIdRequest, call?: StoreCall): Promise<readonly ClaimedTask[]>;
  /**
   * Frees, due now and at no cost, the rows of this owner under a number below `claim` that is not in `liveClaims`, among
   * a bounded number of pending rows behind `after`. Asked for when the database may have gone back, so that rows are
   * held again by claims that their process has ended.
   */
  freeEndedClaims(request: EndedClaimsRequest, call?: StoreCall): Promise<EndedClaimsAnswer>;
  /**
   * Writes outcomes, answers in the order given. Repeating a settlement that was applied answers `applied` again.
   * Rejects with StoreRefusedError when the database refuses a value: nothing was written, the caller bisects.
   */
  settle(settlements: readonly Settlement[], call?: StoreCall): Promise<readonly SettleAnswer[]>;

  /** Answers in which era of the database, as `beat` does. May be repeated. */
  register(process: ProcessRecord, call?: StoreCall): Promise<Pick<BeatAnswer, "era">>;
  /** One step: the own heartbeat is written, `dead` are removed if their heartbeat is unchanged, all others are read. */
  beat(
    owner: string,
    dead: readonly { readonly owner: string; readonly beats: number }[],
    call?: StoreCall,
  ): Promise<BeatAnswer>;
  removeProcess(owner: string, call?: StoreCall): Promise<void>;
  /** The registered processes, longest registered first; 1,000 at most. */
  processes(call?: StoreCall): Promise<readonly RegisteredProcess[]>;

  get(taskId: string, call?: StoreCall): Promise<TaskWithAttempts | null>;
  list(request: ListRequest, call?: StoreCall): Promise<TaskPage>;
  /** By the code points of their ids, upwards; costs as much as the page. */
  listByTaskId(request: ListByTaskIdRequest, call?: StoreCall): Promise<TaskPage>;
  /** Exact; costs as much as there are tasks in that state. */
  count(state: TaskState, call?: StoreCall): Promise<number>;
  statistics(call?: StoreCall): Promise<StoreStatistics>;
  /** Exact; for `doctor` and tests. */
  balance(call?: StoreCall): Promise<Balance>;
  /** Pending becomes cancelled, whatever its claim. */
  cancel(taskId: string, call?: OperatorCall): Promise<OperatorAnswer>;
  /** Failed or cancelled becomes pending, due now, in a new generation with all counters at 0. */
  redrive(taskId: string, call?: OperatorCall): Promise<OperatorAnswer>;
  /** Removes the data of a settled task; the record stays. Duplicates then compare by type alone. */
  erase(taskId: string, call?: OperatorCall): Promise<OperatorAnswer>;
  /** Deletes a failed or cancelled task with its story, and counts it as pruned; its acts stay. Its id is free again. */
  delete(taskId: string, call?: OperatorCall): Promise<OperatorAnswer>;
  /** Deletes at most `limit` confirmed and cancelled tasks settled longer ago than `olderThanMs`, and counts them as pruned. Failed ones stay. Answers how many. */
  prune(request: PruneRequest, call?: StoreCall): Promise<number>;
  /** How many tasks `prune` would delete; counts up to `limit`. */
  countPrunable(request: PruneRequest, call?: StoreCall): Promise<number>;

  /** Puts on record what is no change of a task. */
  recordAct(act: NewAct, call?: StoreCall): Promise<void>;
  /** What people did; costs as much as the page. */
  acts(request: ActRequest, call?: StoreCall): Promise<ActPage>;

  /** Adds to the roll-ups of the present minute. They are figures for people: a crash of the database may lose the last ones. */
  recordRollUps(rollUps: readonly RollUp[], call?: StoreCall): Promise<void>;
  /** Roll-ups, minutes and hours, as far back as asked. */
  rollUps(request: RollUpRequest, call?: StoreCall): Promise<RollUpAnswer>;
  /** Makes one of the minutes of each hour that has been over for an hour, and forgets hours after two days; a bounded number at a time. Answers how many rows went. */
  foldRollUps(call?: StoreCall): Promise<number>;
}

/** The wait of a task that was lost twice, which doubles with each further loss, and its bound. */
export const LOST_DELAY = Object.freeze({ firstMs: 1_000, longestMs: 300_000 });

/** How long a task that was lost twice or more waits before it is claimed alone: from 1 s, doubling, at most 5 minutes. */
export function lostDelayMs(lostAttempts: number): number {
  const { firstMs, longestMs } = LOST_DELAY;
  return Math.min(firstMs * 2 ** Math.min(Math.max(lostAttempts - 2, 0), 30), longestMs);
}
