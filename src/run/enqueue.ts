/** Enqueue: records become tasks inside the caller's transaction, all of them or none. Written once for both kinds of stores. */
import { DuplicateTaskIdError, InvalidInputError, TaskConflictError, TaskExistsError } from "../errors.ts";
import type { Ports } from "../ports/ports.ts";
import type { Awaitable, NewTask, ResolvedDuplicate, Savepoint, Store } from "../store/contract.ts";
import type { Birth, Births, OpenBirths } from "./births.ts";
import type { FastPath } from "./fast-path.ts";
import type { LiveProcess } from "./live-process.ts";
import { type IncomingRecord, newTask, type RecordLimits } from "./new-record.ts";
import type { Reporter } from "./reporter.ts";
import { begun, type Steps, step } from "./steps.ts";
import { isOutcomeUnknown, type Strays } from "./strays.ts";
import { ToldStatement } from "./told-statement.ts";

/** Says that a task is enqueued in the transaction. Owed only from its commit on. */
export interface Receipt {
  readonly taskId: string;
  /** False when the task stood already. */
  readonly created: boolean;
}

/** What enqueue works with. */
interface EnqueueParts {
  readonly store: Store;
  readonly ports: Ports;
  readonly limits: RecordLimits;
  readonly process: LiveProcess;
  readonly births: Births;
  readonly fastPath: FastPath;
  readonly strays: Strays;
  readonly reporter: Reporter;
}

/** An iterator over records that may have to be waited for. */
export type Records =
  | Iterator<IncomingRecord, unknown, undefined>
  | AsyncIterator<IncomingRecord, unknown, undefined>;

/** How a call sends its tasks where a transaction sends ahead. */
export interface SendingAhead {
  /** Asked when they are about to be sent. */
  mayBegin(): boolean;
  /** Told when they are sent, in one statement, and not answered. */
  sent(taskIds: readonly string[]): void;
}

/** What one call to enqueue has done so far; undone as a whole. */
interface Call {
  readonly transaction: unknown;
  /** Duplicates are refused in the database, with the transaction. */
  readonly isAhead: boolean;
  readonly receipts: Receipt[];
  readonly births: Birth[];
  /** Tasks that may stand under a born claim although their statement failed. */
  readonly strays: string[];
}

/** Enqueues on callers' transactions, and remembers which receipt stands for which born claim. */
export class Enqueuer {
  readonly #parts: EnqueueParts;
  readonly #births = new WeakMap<Receipt, Birth>();
  /** Types of tasks that were due at once and left to workers. The last receipt of its type in a chunk stands for all of them. */
  readonly #left = new WeakMap<Receipt, string>();

  constructor(parts: EnqueueParts) {
    this.#parts = parts;
  }

  /** Whether calls inside a transaction answer with plain values. */
  get isSynchronous(): boolean {
    return this.#parts.store.synchronous;
  }

  /** The born claim of a receipt; null when it has none, or comes from elsewhere. */
  birthOf(receipt: Receipt): Birth | null {
    return this.#births.get(receipt) ?? null;
  }

  /** The type of which this receipt stands for tasks that were left to whichever worker comes first; null when for none. */
  leftTypeOf(receipt: Receipt): string | null {
    return this.#left.get(receipt) ?? null;
  }

  /** Checks and encodes one record before any transaction is opened for it. */
  *prepare(record: IncomingRecord): Steps<NewTask> {
    const { limits, ports } = this.#parts;
    return "prepared" in record ? record.prepared : yield* newTask(record, limits, ports);
  }

  /** Nothing of a transaction of the scheduler's own was committed: all that it may have left is forgotten. */
  forgetAll(transaction: unknown, receipts: readonly Receipt[]): void {
    this.forget(receipts);
    this.#parts.strays.forget(transaction);
  }

  /** Forgets the born claims of receipts whose savepoint was certainly rolled back. */
  forget(receipts: readonly Receipt[]): void {
    for (const receipt of receipts) {
      const birth = this.#births.get(receipt);
      if (birth !== undefined) this.#parts.births.forget(birth);
    }
  }

  /**
   * One statement per chunk. A call of several chunks stands in a savepoint, so that an error in a later one, also one
   * of the caller's own iterator, undoes the whole call. One of a single chunk may be sent ahead.
   */
  *enqueue(
    transaction: unknown,
    records: Records,
    ahead: SendingAhead | null = null,
  ): Steps<readonly Receipt[]> {
    const store: Store = this.#parts.store;
    store.assertTransaction(transaction);
    const chosenIds = new Set<string>();
    const chunks = new ChunkReader(records, this.#parts, chosenIds);
    const first = yield* chunks.next();
    const isAhead = !chunks.hasMore && ahead?.mayBegin() === true;
    const call: Call = { transaction, isAhead, receipts: [], births: [], strays: [] };
    if (first.length === 0) {
      throw new InvalidInputError("records", "is empty", "enqueue at least one task, or do not call");
    }
    let savepoint: Savepoint | null = null;
    try {
      if (chunks.hasMore) {
        store.assertTransaction(transaction);
        savepoint = yield* step(store.savepoint(transaction));
      }
      for (let chunk = first; chunk.length > 0; ) {
        const inserting = begun(this.#insertChunk(call, chunk));
        if (isAhead) ahead?.sent(chunk.map(({ taskId }) => taskId));
        const next = chunks.next();
        // The next chunk is encoded while the database writes this one. Not from an async iterator: it may use the
        // transaction itself.
        const reading = Symbol.iterator in records ? begun(next) : next;
        yield* inserting;
        chunk = yield* reading;
      }
      if (savepoint !== null) yield* step(savepoint.release());
    } catch (error) {
      yield* this.#undo(call, savepoint);
      yield* attempted(() => records.return?.() as Awaitable<unknown>); // lets the caller's iterator close what it holds
      throw error;
    }
    return Object.freeze(call.receipts);
  }

  /** Without a savepoint, or when it cannot be rolled back, the caller may commit what the call has written so far. */
  *#undo(call: Call, savepoint: Savepoint | null): Steps<void> {
    const { births, strays } = this.#parts;
    if (savepoint === null || !(yield* attempted(() => savepoint.rollback()))) {
      strays.watch(call.strays, call.transaction);
      return;
    }
    for (const birth of call.births) births.forget(birth);
  }

  *#insertChunk(call: Call, chunk: readonly NewTask[]): Steps<void> {
    const { births, ports, process, reporter } = this.#parts;
    const store: Store = this.#parts.store;
    store.assertTransaction(call.transaction);
    const told = ToldStatement.begin(reporter, ports.clock, chunk);
    const tasks = this.#markBirths(told?.tasks ?? chunk);
    const reserved = tasks.filter((task) => task.bornClaimed);
    const owner = process.owner;
    const open = reserved.length > 0 && owner !== null ? births.open(owner, ports.clock.monotonicMs()) : null;
    try {
      yield* this.#insertTasks(call, tasks, open, told);
    } catch (error) {
      told?.failed(error);
      throw error;
    } finally {
      births.unreserve(reserved);
      if (open !== null) births.close(open);
    }
  }

  *#insertTasks(
    call: Call,
    tasks: readonly NewTask[],
    open: OpenBirths | null,
    told: ToldStatement | null,
  ): Steps<void> {
    const { store, reporter } = this.#parts;
    const birth = open === null ? null : { owner: open.owner, claim: open.claim };
    const insert = (): ReturnType<Store["insert"]> =>
      call.isAhead && store.insertOrRefuse !== undefined
        ? store.insertOrRefuse(call.transaction, tasks, birth)
        : store.insert(call.transaction, tasks, birth);
    const { created, transactionMark } = yield* this.#sent(call, tasks, isOutcomeUnknown, () =>
      told === null ? insert() : told.send(insert),
    );
    const ids = new Map(created.map(({ taskId, id }) => [taskId, id]));
    const missing = call.isAhead ? [] : tasks.filter((task) => !ids.has(task.taskId));
    if (missing.length > 0) {
      const createdIds = created.map(({ id }) => id);
      // Whatever its error says, what the insert has created may stand: SQLite goes on after a statement that failed.
      const resolved = yield* this.#sent(
        call,
        tasks,
        () => true,
        () => store.resolveDuplicates(call.transaction, missing, birth, createdIds),
      );
      throwRefusals(resolved);
      for (const { taskId, verdict, id } of resolved)
        if (verdict === "created" && id !== null) ids.set(taskId, id);
    }
    let bornClaimed = 0;
    const lastLeft = new Map<string, Receipt>();
    for (const task of tasks) {
      const id = ids.get(task.taskId);
      const receipt = Object.freeze({ taskId: task.taskId, created: id !== undefined });
      call.receipts.push(receipt);
      if (id === undefined) continue;
      if (!task.bornClaimed || open === null) {
        if (isDueAtOnce(task)) lastLeft.set(task.type, receipt);
        continue;
      }
      bornClaimed += 1;
      const entry = this.#parts.births.record(open, task, id, transactionMark);
      call.births.push(entry);
      this.#births.set(receipt, entry);
    }
    for (const [type, receipt] of lastLeft) this.#left.set(receipt, type);
    told?.done(ids, bornClaimed > 0 ? birth : null);
    reporter.report("enqueue.done", { created: ids.size, existing: tasks.length - ids.size, bornClaimed });
  }

  /** Sends a statement; notes the tasks that may stand after an error although nobody will know under which number. */
  *#sent<Value>(
    call: Call,
    tasks: readonly NewTask[],
    mayStand: (error: unknown) => boolean,
    send: () => Awaitable<Value>,
  ): Steps<Value> {
    try {
      return yield* step(send());
    } catch (error) {
      if (mayStand(error)) {
        call.strays.push(...tasks.filter(({ bornClaimed }) => bornClaimed).map(({ taskId }) => taskId));
      }
      throw error;
    }
  }

  /** Decides which tasks are born claimed: those due at once that can start as soon as they are committed. */
  #markBirths(chunk: readonly NewTask[]): readonly NewTask[] {
    const { births, fastPath } = this.#parts;
    return chunk.map((task) => {
      if (!isDueAtOnce(task) || !fastPath.admits(task)) return task;
      births.reserve(task);
      return { ...task, bornClaimed: true };
    });
  }
}

function isDueAtOnce({ delayMs, dueAtMs }: NewTask): boolean {
  return delayMs <= 0 && dueAtMs === null;
}

/** Answers whether it succeeded: the first error is the one that tells, and a transaction that is broken says so itself. */
function* attempted(action: () => Awaitable<unknown>): Steps<boolean> {
  try {
    yield* step(action());
    return true;
  } catch {
    return false;
  }
}

function throwRefusals(resolved: readonly ResolvedDuplicate[]): void {
  const idsOf = (verdict: ResolvedDuplicate["verdict"]): readonly string[] =>
    resolved.filter((duplicate) => duplicate.verdict === verdict).map(({ taskId }) => taskId);
  const different = idsOf("different");
  if (different.length > 0) throw new TaskConflictError(different);
  const existing = idsOf("exists");
  if (existing.length > 0) throw new TaskExistsError(existing);
}

/** Reads records one ahead and cuts them into chunks, so that memory holds one chunk of encoded data, however many come. */
class ChunkReader {
  readonly #records: Records;
  readonly #parts: EnqueueParts;
  readonly #chosenIds: Set<string>;
  #ahead: NewTask | null = null;
  #isDone = false;

  /** `chosenIds`: of the caller's choice; generated ones cannot collide. */
  constructor(records: Records, parts: EnqueueParts, chosenIds: Set<string>) {
    this.#records = records;
    this.#parts = parts;
    this.#chosenIds = chosenIds;
  }

  /** True when another chunk follows the last one read. */
  get hasMore(): boolean {
    return this.#ahead !== null;
  }

  /** The next chunk; empty at the end. */
  *next(): Steps<NewTask[]> {
    const { chunkTasks, chunkBytes } = this.#parts.store;
    const chunk: NewTask[] = [];
    let bytes = 0;
    for (;;) {
      const task = this.#ahead ?? (yield* this.#read());
      this.#ahead = null;
      if (task === null) return chunk;
      bytes += task.data.byteLength;
      if (chunk.length > 0 && (chunk.length >= chunkTasks || bytes > chunkBytes)) {
        this.#ahead = task;
        return chunk;
      }
      chunk.push(task);
    }
  }

  *#read(): Steps<NewTask | null> {
    if (this.#isDone) return null;
    const next = yield* step(this.#records.next() as Awaitable<IteratorResult<IncomingRecord, unknown>>);
    if (next.done === true) {
      this.#isDone = true;
      return null;
    }
    const task =
      "prepared" in next.value
        ? next.value.prepared
        : yield* newTask(next.value, this.#parts.limits, this.#parts.ports);
    if (this.#isChosen(next.value)) {
      if (this.#chosenIds.has(task.taskId)) throw new DuplicateTaskIdError(task.taskId);
      this.#chosenIds.add(task.taskId);
    }
    return task;
  }

  #isChosen(record: IncomingRecord): boolean {
    if ("prepared" in record) return true;
    return ("raw" in record ? record.raw.taskId : record.options.taskId) !== undefined;
  }
}
