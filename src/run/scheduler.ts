/** The scheduler: the entry point. It says what can be done; the parts in this folder do it. */
import { SynchronousOnlyError } from "../errors.ts";
import type { ListRequest, StoreStatistics, TaskPage } from "../store/contract.ts";
import { isDefinition, type TaskDefinition } from "../task/definition.ts";
import { checkTaskId } from "../task/identifier.ts";
import { checkNames, checkObject, numberOption, optionNames } from "../task/option-checks.ts";
import type { TaskState, TaskWithAttempts } from "../task/task.ts";
import type { OpenBreaker } from "./breakers.ts";
import type { Collected } from "./caller-receipts.ts";
import { Engine } from "./engine.ts";
import type { Receipt, Records } from "./enqueue.ts";
import { type WorkerOptions, workerSettings } from "./environment.ts";
import type { ExecutionAnswer } from "./funnel.ts";
import { healthOf, type SchedulerHealth } from "./health.ts";
import { enqueueRecord, incomingRecords, type TypedItem } from "./incoming-records.ts";
import { checkState, listRequest } from "./list-request.ts";
import type { EnqueueOptions, RawRecord } from "./new-record.ts";
import type { OperatorOptions } from "./operator-options.ts";
import { DEFAULT_GRACE_MS, type SchedulerOptions, schedulerSettings } from "./options.ts";
import { runSteps, runStepsSync } from "./steps.ts";
import type { TransactionOptions, TransactionResult } from "./transaction.ts";
import type { SchedulerTransaction, WorkResult } from "./transaction-session.ts";
import type { ClaimLoop } from "./worker.ts";

/** How to stop. */
export interface StopOptions {
  /** How long what runs may go on before it is aborted, in milliseconds. Default 30 s. */
  readonly graceMs?: number | undefined;
}

const stopOptions = optionNames<StopOptions>({ graceMs: true });

/** A worker that was started. */
export interface Worker {
  /**
   * Stops claiming, waits for what runs up to `graceMs` (default 30 s), then aborts it and gives the unfinished back
   * without cost. A second call cuts the grace short. Rejects with InvalidInputError alone.
   */
  stop(options?: StopOptions): Promise<void>;
  /** Attempts that run now, zombies not counted. */
  readonly running: number;
  /** Attempts beyond their timeout whose executors have not returned; each holds a slot. */
  readonly zombies: number;
}

/** Counts that can be asked for every second. */
export interface SchedulerStatistics extends StoreStatistics {
  /** Attempts that run now in this process, by path. */
  readonly running: { readonly worker: number; readonly fastPath: number };
  /** Attempts of this process beyond their timeout whose executors have not returned. */
  readonly zombies: number;
}

/** How long an answer of `stats` is reused. */
const STATISTICS_AGE_MS = 1_000;

/**
 * Enqueues tasks in the transactions of the application, executes them straight after the commit, and through its worker.
 *
 * Guarantees: a task whose commit was acknowledged is executed at least once, until it is confirmed, failed or
 * cancelled; a task that was not committed is never executed. Executors must be idempotent under `taskId`.
 */
export class Scheduler<Transaction = never, Api = unknown, Synchronous extends boolean = boolean> {
  readonly #engine: Engine;
  /** The last one started; its claim loop tells it from the next. */
  #worker: { readonly loop: ClaimLoop; readonly handle: Worker } | null = null;
  #statistics: { readonly atMs: number; readonly answer: Promise<StoreStatistics> } | null = null;

  /** Checks the options; touches nothing. Throws InvalidInputError and DuplicateExecutorError. */
  constructor(options: SchedulerOptions<Transaction, Api, Synchronous>) {
    this.#engine = new Engine(schedulerSettings(options));
  }

  /**
   * Brings the schema up to date (unless `migrate: false`) and registers this process, so that tasks can be executed
   * straight after their commit. Rejects with StoreUnavailableError, SchemaTooNewError or SchemaMissingError; it may
   * then be called again.
   */
  start(): Promise<void> {
    return this.#engine.start();
  }

  /**
   * Stops worker and fast path as `Worker.stop` does, writes all outcomes, deregisters, and closes what the store
   * opened itself. Returns within the grace (default 30 s) and a few seconds, whatever the database does. Rejects with
   * InvalidInputError alone. What still runs may use the scheduler until then; after that all but `enqueue` in a
   * transaction of yours is refused with SchedulerStoppedError.
   */
  async stop(options: StopOptions = {}): Promise<void> {
    await this.#engine.stop(graceOf(options));
  }

  /** Stops with the default grace, at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Starts the worker, and this scheduler if it is not started. Throws NoExecutorError and InvalidInputError. A second call answers the same worker. */
  startWorker(options: WorkerOptions = {}): Worker {
    const loop = this.#engine.startWorker(workerSettings(options, process.env));
    if (this.#worker?.loop !== loop) this.#worker = { loop, handle: workerOf(this.#engine, loop) };
    return this.#worker.handle;
  }

  /**
   * Enqueues a task in the caller's transaction: one statement on its connection. It is owed from the moment that
   * transaction commits; nothing happens if it does not. A task of the same id and content answers `created: false`.
   * Without a transaction it opens one of its own, commits it, and runs the fast path.
   *
   * In a transaction of yours it works after `stop` too, on purpose: a request that ends late still commits, and its task
   * is left to the workers of other processes. Without one it then throws SchedulerStoppedError.
   *
   * Throws, before anything is written: InvalidInputError, DataInvalidError, DataNotEncodableError, DataTooLargeError,
   * NotATransactionError. Throws after undoing its own insert: TaskConflictError, TaskExistsError. Errors of the
   * database pass through untouched.
   */
  enqueue<Input>(
    transaction: Transaction,
    definition: TaskDefinition<Input, unknown>,
    data: NoInfer<Input>,
    options?: EnqueueOptions,
  ): Promise<Receipt>;
  enqueue<Input>(
    definition: TaskDefinition<Input, unknown>,
    data: NoInfer<Input>,
    options?: EnqueueOptions,
  ): Promise<Receipt>;
  async enqueue(...call: readonly unknown[]): Promise<Receipt> {
    if (isDefinition(call[0]) && !isDefinition(call[1])) {
      const [definition, data, options] = call;
      return single(await this.#engine.transactions.enqueueAlone(enqueueRecord(definition, data, options)));
    }
    const [transaction, definition, data, options] = call;
    const record = enqueueRecord(definition, data, options);
    return single(await this.#onCallers(transaction, [record].values()));
  }

  /**
   * Enqueues many tasks, all or none: one statement per chunk, several chunks in one savepoint. Records are read and
   * encoded chunk by chunk; an async iterable is waited for, while the transaction stays open. Raw records bring their
   * own bytes. Errors as `enqueue`, and DuplicateTaskIdError.
   */
  enqueueAll<Input>(
    transaction: Transaction,
    definition: TaskDefinition<Input, unknown>,
    items: Iterable<TypedItem<NoInfer<Input>>> | AsyncIterable<TypedItem<NoInfer<Input>>>,
  ): Promise<readonly Receipt[]>;
  enqueueAll(
    transaction: Transaction,
    records: Iterable<RawRecord> | AsyncIterable<RawRecord>,
  ): Promise<readonly Receipt[]>;
  async enqueueAll(transaction: Transaction, ...rest: readonly unknown[]): Promise<readonly Receipt[]> {
    return await this.#onCallers(transaction, incomingRecords(rest));
  }

  /** `enqueue` for synchronous transactions (SQLite): it finishes before it returns. Throws what `enqueue` rejects with, and SynchronousOnlyError. */
  enqueueSync<Input>(
    this: Scheduler<Transaction, Api, true>,
    transaction: Transaction,
    definition: TaskDefinition<Input, unknown>,
    data: NoInfer<Input>,
    options?: EnqueueOptions,
  ): Receipt {
    return single(this.#runSync(transaction, [enqueueRecord(definition, data, options)].values()));
  }

  /** `enqueueAll` for synchronous transactions (SQLite). */
  enqueueAllSync<Input>(
    this: Scheduler<Transaction, Api, true>,
    transaction: Transaction,
    definition: TaskDefinition<Input, unknown>,
    items: Iterable<TypedItem<NoInfer<Input>>>,
  ): readonly Receipt[] {
    return this.#runSync(transaction, incomingRecords([definition, items]));
  }

  /**
   * Runs `work` in a transaction of the store's own driver, commits it, and runs the fast path. Resolves after COMMIT
   * was acknowledged; rejects with what `work` threw, after a rollback. Also: TransactionRolledBackError when COMMIT
   * was answered with ROLLBACK, CommitUnknownError when it was not answered, SchedulerStoppedError after `stop`. On a synchronous store `work` must not be
   * async.
   */
  async transaction<Value>(
    work: (tx: SchedulerTransaction<Api, Synchronous>) => WorkResult<Synchronous, Value>,
    options: TransactionOptions = {},
  ): Promise<TransactionResult<Awaited<Value>>> {
    const callback = work as (tx: SchedulerTransaction<unknown, boolean>) => unknown; // the store hands out its own Api
    const result = await this.#engine.transactions.run(callback, options);
    return result as TransactionResult<Awaited<Value>>;
  }

  /**
   * Executes tasks that were just enqueued, once their transaction has committed; call it after the commit, waiting is
   * optional. Bounded and best effort: it saves latency, never the task. Never rejects.
   */
  async tryExecuteNow(receipts: Receipt | readonly Receipt[]): Promise<readonly ExecutionAnswer[]> {
    const list = Array.isArray(receipts) ? (receipts as readonly Receipt[]) : [receipts as Receipt];
    return await this.#engine.callerReceipts.tryExecuteNow(list);
  }

  /**
   * For adapters: runs `work` and collects the receipts of all tasks that it enqueues in callers' transactions of this
   * scheduler, however deep inside, savepoints that were rolled back included.
   */
  collect<Value>(work: () => Value): Collected<Value> {
    return this.#engine.callerReceipts.collect(work);
  }

  /**
   * Claims one committed, due task by id, executes it and writes the outcome. Takes a taskId, a receipt or a task;
   * starts the scheduler if need be, and rejects as `start` does.
   * Answers `notClaimed` when it is not due, held by another, or of a type this process does not execute.
   */
  async executeAndAdvance(task: string | { readonly taskId: string }): Promise<ExecutionAnswer> {
    const taskId = checkTaskId(typeof task === "string" ? task : task?.taskId);
    await this.#engine.start();
    const birth = typeof task === "string" ? null : this.#engine.enqueuer.birthOf(task as Receipt);
    const { fastPath } = this.#engine;
    if (birth !== null && fastPath.holds(birth)) return await fastPath.startBirth(birth);
    return await fastPath.startById(taskId, "direct");
  }

  /** A task with its attempts; null when none of that id is kept. */
  async get(taskId: string): Promise<TaskWithAttempts | null> {
    return await this.#engine.openStore.get(checkTaskId(taskId));
  }

  /** A page of tasks in one state: 100, oldest first, unless said otherwise. Rejects with InvalidInputError. */
  async list(request: Partial<ListRequest> & Pick<ListRequest, "state">): Promise<TaskPage> {
    return await this.#engine.openStore.list(listRequest(request));
  }

  /** Exact count of one state; costs as much as there are. */
  async count(state: TaskState): Promise<number> {
    checkState(state);
    return await this.#engine.openStore.count(state);
  }

  /** Cancels a pending task. An attempt under way learns it when it ends. Throws TaskNotFoundError, TaskStateError. */
  async cancel(taskId: string, options: OperatorOptions = {}): Promise<void> {
    await this.#engine.operators.cancel(taskId, options);
  }

  /** Makes a failed or cancelled task pending again, as a new generation with all its attempts ahead. Throws TaskNotFoundError, TaskStateError. */
  async redrive(taskId: string, options: OperatorOptions = {}): Promise<void> {
    await this.#engine.operators.redrive(taskId, options);
    this.#engine.moreIsDue();
  }

  /** Removes the data of a settled task; its record stays. Throws TaskNotFoundError, TaskStateError. */
  async erase(taskId: string, options: OperatorOptions = {}): Promise<void> {
    await this.#engine.operators.erase(taskId, options);
  }

  /**
   * Deletes a failed or cancelled task with its story; the balance counts it as pruned, and what people did to it stays on
   * record. Its id is free again: enqueued once more, it is a new task. Throws TaskNotFoundError, TaskStateError.
   */
  async delete(taskId: string, options: OperatorOptions = {}): Promise<void> {
    await this.#engine.operators.delete(taskId, options);
  }

  /** Counts by state, the age of the oldest due task, orphaned types. Bounded work, asked of the store once a second at most. */
  async stats(): Promise<SchedulerStatistics> {
    const { settings, fastPath, orphanedTypes, openStore } = this.#engine;
    const nowMs = settings.ports.clock.monotonicMs();
    if (this.#statistics === null || nowMs - this.#statistics.atMs >= STATISTICS_AGE_MS) {
      this.#statistics = { atMs: nowMs, answer: openStore.statistics() };
    }
    const statistics = await this.#statistics.answer;
    orphanedTypes.note(statistics.orphanedTypes);
    const worker = this.#worker?.handle;
    return {
      ...statistics,
      running: { worker: worker?.running ?? 0, fastPath: fastPath.slots.running },
      zombies: (worker?.zombies ?? 0) + fastPath.slots.zombies + fastPath.directSlots.zombies,
    };
  }

  /**
   * Whether this process can do its part: started, its lease in force, the database answering, slots not held by
   * executors that ignored their timeout. From what it knows already, so that a health check may ask as often as it likes.
   */
  health(): SchedulerHealth {
    return healthOf(this.#engine);
  }

  /** The circuit breakers of this process that are not closed. Costs nothing. */
  breakers(): readonly OpenBreaker[] {
    return this.#engine.breakers.list();
  }

  async #onCallers(transaction: unknown, records: Records): Promise<readonly Receipt[]> {
    const receipts = await runSteps(this.#engine.enqueuer.enqueue(transaction, records));
    this.#engine.callerReceipts.enqueued(transaction, receipts);
    return receipts;
  }

  #runSync(transaction: unknown, records: Records): readonly Receipt[] {
    if (!this.#engine.enqueuer.isSynchronous) {
      throw new SynchronousOnlyError("enqueueSync needs a synchronous store (SQLite): use enqueue");
    }
    const receipts = runStepsSync(this.#engine.enqueuer.enqueue(transaction, records));
    this.#engine.callerReceipts.enqueued(transaction, receipts);
    return receipts;
  }
}

function graceOf(options: StopOptions): number {
  checkObject("options", options, "pass { graceMs } or nothing");
  checkNames("stop", options, stopOptions);
  return numberOption("graceMs", options.graceMs, DEFAULT_GRACE_MS, 0);
}

/** The handle of one claim loop; it stops that one, and none that is started after it. */
function workerOf(engine: Engine, loop: ClaimLoop): Worker {
  let isStopping = false;
  return {
    async stop(options = {}) {
      const graceMs = graceOf(options);
      const stopped = engine.stopWorker(loop, isStopping ? 0 : graceMs);
      isStopping = true;
      await stopped;
    },
    get running() {
      return loop.slots.running;
    },
    get zombies() {
      return loop.slots.zombies;
    },
  };
}

function single(receipts: readonly Receipt[]): Receipt {
  return receipts[0] as Receipt; // one record in, one receipt out
}
