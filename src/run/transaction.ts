/** transaction(fn): begins, commits and runs the fast path, so that none of it can be forgotten or done too early. */
import { CommitUnknownError, StoreUnavailableError, SynchronousOnlyError } from "../errors.ts";
import type { Ports } from "../ports/ports.ts";
import type {
  Awaitable,
  BeginOptions,
  NewTask,
  OwnTransaction,
  Savepoint,
  Store,
} from "../store/contract.ts";
import type { TaskDefinition } from "../task/definition.ts";
import { checkFunction, checkNames, checkObject, countOption, optionNames } from "../task/option-checks.ts";
import type { Enqueuer, Receipt, Records } from "./enqueue.ts";
import type { FastPath } from "./fast-path.ts";
import { enqueueRecord, incomingRecords, type TypedItem } from "./incoming-records.ts";
import type { EnqueueOptions, IncomingRecord, RawRecord } from "./new-record.ts";
import { within } from "./sleep.ts";
import { runSteps, runStepsSync, type Steps } from "./steps.ts";

/** A plain value in a synchronous store, a promise in all others. */
export type Answer<Synchronous extends boolean, Value> = Synchronous extends true ? Value : Promise<Value>;

/** What a callback may answer: on a synchronous store no promise, since what follows an await would run outside. */
export type WorkResult<Synchronous extends boolean, Value> = Synchronous extends true
  ? Value extends PromiseLike<unknown>
    ? never
    : Value
  : Value | Promise<Value>;

/** What an enqueue inside `transaction(fn)` answers; whether the task was created is told with the transaction's result. */
export interface EnqueuedTask {
  readonly taskId: string;
}

/** The part of the callback's argument that this library adds to the store's own. */
interface TransactionEnqueue<Api, Synchronous extends boolean> {
  /** Enqueues one task. Errors as `scheduler.enqueue`. */
  enqueue<Input>(
    definition: TaskDefinition<Input, unknown>,
    data: NoInfer<Input>,
    options?: EnqueueOptions,
  ): Answer<Synchronous, EnqueuedTask>;
  /** Enqueues many, all or none: items of one definition, or raw records. */
  enqueueAll<Input>(
    definition: TaskDefinition<Input, unknown>,
    items: Iterable<TypedItem<NoInfer<Input>>>,
  ): Answer<Synchronous, readonly EnqueuedTask[]>;
  enqueueAll(records: Iterable<RawRecord>): Answer<Synchronous, readonly EnqueuedTask[]>;
  /** Runs `work` in a savepoint: when it throws, what it wrote and enqueued is gone and the transaction goes on. */
  savepoint<Value>(
    work: (tx: SchedulerTransaction<Api, Synchronous>) => WorkResult<Synchronous, Value>,
  ): Answer<Synchronous, Value>;
}

/** What the callback of `transaction(fn)` gets. */
export type SchedulerTransaction<Api, Synchronous extends boolean> = Api &
  TransactionEnqueue<Api, Synchronous>;

/** How to run a transaction. */
export interface TransactionOptions extends BeginOptions {
  /**
   * How often the callback is run again after a serialization failure (40001) or a deadlock (40P01). Default 0.
   * The callback must then be free of effects outside the transaction.
   */
  readonly maxRetries?: number;
}

const transactionOptions = optionNames<TransactionOptions>({ maxRetries: true, isolationLevel: true });

/** What a transaction resolves to, after its COMMIT was acknowledged. */
export interface TransactionResult<Value> {
  /** What the callback returned. */
  readonly value: Value;
  /** One receipt per task enqueued outside rolled-back savepoints, in order. */
  readonly receipts: readonly Receipt[];
}

/** What transactions work with. */
interface TransactionParts {
  readonly store: Store;
  readonly ports: Ports;
  readonly enqueuer: Enqueuer;
  readonly fastPath: FastPath;
  /** Told after a commit that left tasks to the workers. */
  readonly onLeftForWorkers: () => void;
}

/** How long an enqueue without a transaction may take. */
const ENQUEUE_ALONE_MS = 10_000;

type Callback = (tx: SchedulerTransaction<unknown, boolean>) => unknown;

/** Runs transactions of the store's own driver. */
export class Transactions {
  readonly #parts: TransactionParts;

  constructor(parts: TransactionParts) {
    this.#parts = parts;
  }

  /** Runs the callback in a transaction; see `Scheduler.transaction`. */
  async run(callback: Callback, options: TransactionOptions): Promise<TransactionResult<unknown>> {
    checkFunction("work", callback, "pass the function that does the work, as in transaction((tx) => ...)");
    checkObject("options", options, "pass { maxRetries, isolationLevel } or nothing");
    checkNames("transaction", options, transactionOptions);
    for (let retriesLeft = countOption("maxRetries", options.maxRetries, 0, 0); ; retriesLeft -= 1) {
      try {
        return await this.#runOnce(callback, options);
      } catch (error) {
        if (retriesLeft <= 0 || !isRetriable(error)) throw error;
      }
    }
  }

  /** Enqueues in a transaction of its own, bounded in time; see `Scheduler.enqueue`. */
  async enqueueAlone(record: IncomingRecord): Promise<readonly Receipt[]> {
    const { enqueuer, ports } = this.#parts;
    let prepared: NewTask | null = null;
    let isLate = false;
    const enqueue = async (): Promise<readonly Receipt[]> => {
      const task = await runSteps(enqueuer.prepare(record));
      if (isLate) return [];
      prepared = task;
      return await this.#enqueuePrepared(task);
    };
    const work = enqueue();
    if ((await within(ports.timers, work, ENQUEUE_ALONE_MS)) === "done") return await work;
    isLate = true;
    throw tooLate(prepared);
  }

  async #enqueuePrepared(prepared: NewTask): Promise<readonly Receipt[]> {
    const own = await this.#parts.store.begin();
    let receipts: readonly Receipt[];
    try {
      receipts = await runSteps(this.#parts.enqueuer.enqueue(own.transaction, [{ prepared }].values()));
    } catch (error) {
      await own.rollback();
      this.#forget(own, []);
      throw error;
    }
    await this.#commit(own, receipts);
    this.#startFastPath(receipts, own.provesCommit());
    return receipts;
  }

  async #runOnce(callback: Callback, options: TransactionOptions): Promise<TransactionResult<unknown>> {
    const { store, enqueuer } = this.#parts;
    const own = await store.begin(options);
    const session = new Session(own, enqueuer);
    let value: unknown;
    try {
      value = await runCallback(store, () => callback(session.api()));
      await session.whenQuiet();
    } catch (error) {
      await session.whenQuiet();
      await own.rollback();
      this.#forget(own, session.receipts);
      throw error;
    }
    const { receipts } = session;
    await this.#commit(own, receipts);
    this.#startFastPath(receipts, own.provesCommit());
    return Object.freeze({ value, receipts: Object.freeze(receipts) });
  }

  /** After an unknown outcome the born claims stay watched: they are run only once they are seen to be committed. */
  async #commit(own: OwnTransaction<unknown, unknown>, receipts: readonly Receipt[]): Promise<void> {
    try {
      await own.commit();
    } catch (error) {
      if (error instanceof CommitUnknownError) {
        throw new CommitUnknownError(
          receipts.map(({ taskId }) => taskId),
          { cause: error.cause },
        );
      }
      this.#forget(own, receipts);
      throw error;
    }
  }

  /** After an end that wrote nothing. A callback that may have committed by hand leaves its born claims watched. */
  #forget(own: OwnTransaction<unknown, unknown>, receipts: readonly Receipt[]): void {
    if (own.provesCommit()) this.#parts.enqueuer.forgetAll(own.transaction, receipts);
  }

  #startFastPath(receipts: readonly Receipt[], isProven: boolean): void {
    const { enqueuer, fastPath, onLeftForWorkers } = this.#parts;
    let isLeft = false;
    for (const receipt of receipts) {
      const birth = enqueuer.birthOf(receipt);
      if (birth === null) isLeft ||= receipt.created;
      else void (isProven ? fastPath.startProven(birth) : fastPath.startBirth(birth));
    }
    if (isLeft) onLeftForWorkers();
  }
}

/**
 * One transaction under way: collects receipts, and drops those of savepoints that are rolled back. An enqueue that the
 * callback does not wait for belongs where it was called: a savepoint neither begins nor ends while one is under way.
 */
class Session {
  readonly #own: OwnTransaction<unknown, unknown>;
  readonly #enqueuer: Enqueuer;
  /** One list of receipts per call to enqueue, in the order of the calls; a savepoint is a length of it. */
  readonly #calls: Receipt[][] = [];
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(own: OwnTransaction<unknown, unknown>, enqueuer: Enqueuer) {
    this.#own = own;
    this.#enqueuer = enqueuer;
  }

  /** What was enqueued and not undone, as far as it is answered. */
  get receipts(): readonly Receipt[] {
    return this.#calls.flat();
  }

  /** The store's own api with ours on top; its getters stay live. */
  api(): SchedulerTransaction<unknown, boolean> {
    const one = (definition: unknown, data: unknown, options: unknown): unknown =>
      this.#enqueue([enqueueRecord(definition, data, options)].values(), ([receipt]) => ({
        taskId: receipt?.taskId,
      }));
    const all = (...rest: readonly unknown[]): unknown =>
      this.#enqueue(incomingRecords(rest), (receipts) => receipts.map(({ taskId }) => ({ taskId })));
    const added = {
      enqueue: one,
      enqueueAll: all,
      savepoint: (work: Callback) => this.#savepoint(work),
    };
    return withAdded(this.#own.api as object, added) as SchedulerTransaction<unknown, boolean>; // both halves are there
  }

  #enqueue(records: Records, answer: (receipts: readonly Receipt[]) => unknown): unknown {
    const receipts: Receipt[] = [];
    this.#calls.push(receipts);
    const steps = this.#collect(records, receipts);
    if (this.#isSynchronous) return answer(runStepsSync(steps));
    const enqueued = runSteps(steps);
    this.#track(enqueued);
    return enqueued.then(answer);
  }

  *#collect(records: Records, into: Receipt[]): Steps<readonly Receipt[]> {
    into.push(...(yield* this.#enqueuer.enqueue(this.#own.transaction, records)));
    return into;
  }

  /** Resolves once every enqueue is answered, also those the callback did not wait for: none may land after the end. */
  whenQuiet(): Promise<void> {
    return this.#quietly(() => undefined);
  }

  /** Calls `send` at a moment when no enqueue is under way. */
  async #quietly<Value>(send: () => Awaitable<Value>): Promise<Value> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
    return await send();
  }

  #track(work: Promise<unknown>): void {
    this.#underWay.add(work);
    const done = (): boolean => this.#underWay.delete(work);
    work.then(done, done);
  }

  get #isSynchronous(): boolean {
    return this.#enqueuer.isSynchronous;
  }

  #savepoint(work: Callback): unknown {
    checkFunction("work", work, "pass the function that does the work, as in tx.savepoint((tx) => ...)");
    return this.#isSynchronous ? this.#runInSavepointSync(work) : this.#runInSavepoint(work);
  }

  async #runInSavepoint(work: Callback): Promise<unknown> {
    let first = 0;
    const savepoint = await this.#quietly(() => {
      first = this.#calls.length;
      return this.#own.savepoint();
    });
    try {
      const value = await work(this.api());
      await this.#quietly(() => savepoint.release());
      return value;
    } catch (error) {
      await this.#quietly(() => this.#undo(savepoint, first));
      throw error;
    }
  }

  /** What was called before this is sent is undone, what is called after it is not. Undone it is once that is answered. */
  async #undo(savepoint: Savepoint, first: number): Promise<void> {
    const undone = this.#calls.splice(first);
    try {
      await savepoint.rollback();
    } catch (error) {
      this.#calls.splice(first, 0, ...undone);
      throw error;
    }
    this.#enqueuer.forget(undone.flat());
  }

  #runInSavepointSync(work: Callback): unknown {
    const first = this.#calls.length;
    const savepoint = this.#own.savepoint() as Savepoint; // a synchronous store answers with a plain value
    try {
      const value = refusePromise(work(this.api()));
      void savepoint.release();
      return value;
    } catch (error) {
      void savepoint.rollback();
      this.#enqueuer.forget(this.#calls.splice(first).flat());
      throw error;
    }
  }
}

/** Nothing is sent before the task is prepared, nor when that comes too late. */
function tooLate(prepared: NewTask | null): StoreUnavailableError {
  const [problem, outcomeUnknown] =
    prepared === null
      ? ["its schema did not answer, so nothing was written", false]
      : [`"${prepared.taskId}" may or may not stand: enqueue it again with the same taskId`, true];
  return new StoreUnavailableError(`a task could not be enqueued within ${ENQUEUE_ALONE_MS} ms: ${problem}`, {
    outcomeUnknown,
  });
}

function runCallback(store: Store, callback: () => unknown): unknown {
  const value = callback();
  return store.synchronous ? refusePromise(value) : value;
}

/** The store's own api with functions laid over it; methods of a class with private fields keep their receiver. */
function withAdded(api: object, added: Readonly<Record<string, unknown>>): object {
  // The proxy stands before an object of its own: a frozen target would forbid it to bind.
  return new Proxy(Object.create(null) as object, {
    get(_, key) {
      if (typeof key === "string" && Object.hasOwn(added, key)) return added[key];
      const value: unknown = Reflect.get(api, key, api);
      return typeof value === "function" ? (value.bind(api) as unknown) : value;
    },
    has: (_, key) => key in added || key in api,
  });
}

/** In a synchronous store everything after the first await would run outside the transaction. */
function refusePromise(value: unknown): unknown {
  if (typeof (value as PromiseLike<unknown> | null | undefined)?.then !== "function") return value;
  Promise.resolve(value as PromiseLike<unknown>).catch(() => undefined);
  throw new SynchronousOnlyError(
    "the callback of a transaction on this store must not be async: what comes after its first await would run outside the transaction",
  );
}

function isRetriable(error: unknown): boolean {
  const code: unknown = (error as { code?: unknown } | null)?.code;
  return code === "40001" || code === "40P01";
}
