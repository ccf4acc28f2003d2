/** transaction(fn): begins, commits and runs the fast path, so that none of it can be forgotten or done too early. */
import { CommitUnknownError, StoreUnavailableError } from "../errors.ts";
import type { Ports } from "../ports/ports.ts";
import type { BeginOptions, NewTask, OwnTransaction, Store } from "../store/contract.ts";
import type { AttemptTransactionOptions } from "../task/executor.ts";
import { checkFunction, checkNames, checkObject, countOption, optionNames } from "../task/option-checks.ts";
import type { Enqueuer, Receipt } from "./enqueue.ts";
import type { FastPath } from "./fast-path.ts";
import type { IncomingRecord } from "./new-record.ts";
import { within } from "./sleep.ts";
import { runSteps } from "./steps.ts";
import { type Callback, TransactionSession } from "./transaction-session.ts";

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

/** The attempt of a task whose executor works in a transaction. What one of these throws is rolled back for. */
export interface AttemptTransaction {
  /** Told after BEGIN. */
  begun(own: OwnTransaction<unknown, unknown>): void;
  /** Writes the confirmation, once all else is written. */
  confirm(own: OwnTransaction<unknown, unknown>): Promise<void>;
  /** Told immediately before COMMIT is sent. */
  committing(): void;
  /** Told after COMMIT was acknowledged, and whether that proves that the confirmation is committed. */
  committed(isProven: boolean): void;
}

/** What transactions work with. */
interface TransactionParts {
  readonly store: Store;
  readonly ports: Ports;
  readonly enqueuer: Enqueuer;
  readonly fastPath: FastPath;
  /** Told after a commit that left tasks to the workers, with the types of those that are due at once. */
  readonly onLeftForWorkers: (types: ReadonlySet<string>) => void;
}

/** How long an enqueue without a transaction may take. */
const ENQUEUE_ALONE_MS = 10_000;

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
    return await this.#runRetried(callback, options, null);
  }

  /** Runs the work of an attempt: its confirmation is the last statement before COMMIT. Its options were checked. */
  async runAttempt(
    attempt: AttemptTransaction,
    work: Callback,
    options: AttemptTransactionOptions,
  ): Promise<void> {
    await this.#runRetried(work, options, attempt);
  }

  async #runRetried(
    callback: Callback,
    options: AttemptTransactionOptions,
    attempt: AttemptTransaction | null,
  ): Promise<TransactionResult<unknown>> {
    for (let retriesLeft = countOption("maxRetries", options.maxRetries, 0, 0); ; retriesLeft -= 1) {
      try {
        return await this.#runOnce((session) => session.run(callback), options, attempt);
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
    const { receipts } = await this.#runOnce((session) => session.enqueue([{ prepared }].values()), {}, null);
    return receipts;
  }

  async #runOnce(
    work: (session: TransactionSession) => Promise<unknown>,
    { isolationLevel = null }: AttemptTransactionOptions,
    attempt: AttemptTransaction | null,
  ): Promise<TransactionResult<unknown>> {
    const { store, enqueuer } = this.#parts;
    const own = await store.begin({ isolationLevel });
    const session = new TransactionSession(own, enqueuer);
    let value: unknown;
    try {
      attempt?.begun(own);
      value = await work(session);
      await attempt?.confirm(own);
      // What was sent ahead travels with the COMMIT, unless nobody knows what the user has sent since.
      if (own.sendsAhead?.() !== true) await session.answered();
      attempt?.committing();
    } catch (error) {
      await own.rollback();
      await session.answered().catch(() => undefined);
      this.#forget(own, session.receipts);
      throw session.explained(error);
    }
    await this.#commit(own, session);
    const { receipts } = session;
    attempt?.committed(own.provesCommit());
    this.#startFastPath(receipts, own.provesCommit());
    return Object.freeze({ value, receipts: Object.freeze(receipts) });
  }

  /** After an unknown outcome the born claims stay watched: they are run only once they are seen to be committed. */
  async #commit(own: OwnTransaction<unknown, unknown>, session: TransactionSession): Promise<void> {
    try {
      await own.commit();
      await session.answered();
    } catch (error) {
      await session.answered().catch(() => undefined);
      if (error instanceof CommitUnknownError) {
        throw new CommitUnknownError(session.taskIds, { cause: error.cause });
      }
      this.#forget(own, session.receipts);
      throw session.explained(error);
    }
  }

  /** After an end that wrote nothing. A callback that may have committed by hand leaves its born claims watched. */
  #forget(own: OwnTransaction<unknown, unknown>, receipts: readonly Receipt[]): void {
    if (own.provesCommit()) this.#parts.enqueuer.forgetAll(own.transaction, receipts);
  }

  #startFastPath(receipts: readonly Receipt[], isProven: boolean): void {
    const { enqueuer, fastPath, onLeftForWorkers } = this.#parts;
    let isLeft = false;
    const leftTypes = new Set<string>();
    for (const receipt of receipts) {
      const leftType = enqueuer.leftTypeOf(receipt);
      if (leftType !== null) leftTypes.add(leftType);
      const birth = enqueuer.birthOf(receipt);
      if (birth === null) isLeft ||= receipt.created;
      else void (isProven ? fastPath.startProven(birth) : fastPath.startBirth(birth));
    }
    if (isLeft) onLeftForWorkers(leftTypes);
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

function isRetriable(error: unknown): boolean {
  const code: unknown = (error as { code?: unknown } | null)?.code;
  return code === "40001" || code === "40P01";
}
