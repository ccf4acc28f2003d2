/** Completion in a transaction: what an attempt has written and the confirmation of its task are committed together. */
import {
  ClaimLostError,
  CommitUnknownError,
  RetryAfterError,
  StoreUnavailableError,
  TransactionRolledBackError,
} from "../errors.ts";
import type { Ports } from "../ports/ports.ts";
import type { Awaitable, ConfirmationStanding, HeldTask, OwnTransaction, Store } from "../store/contract.ts";
import type { AttemptTransactionOptions } from "../task/executor.ts";
import type { Availability } from "./availability.ts";
import { sleep } from "./sleep.ts";
import { runSteps, runStepsSync, type Steps, step } from "./steps.ts";
import type { AttemptTransaction, Transactions } from "./transaction.ts";
import type { Callback } from "./transaction-session.ts";

/** First delay before a transaction that is not over is looked at again; it doubles. */
const FIRST_LOOK_MS = 50;
/** Longest delay between two looks. */
const LONGEST_LOOK_MS = 1_000;
/** When the database, and not the executor, has failed, the task is deferred for this long: no failed attempt is counted. */
const COME_AGAIN_MS = 1_000;

/** What completions work with. */
interface CompletionParts {
  readonly store: Store;
  readonly ports: Ports;
  readonly availability: Availability;
  /** Whether the claim's process may still start an execution. */
  readonly mayStart: (task: HeldTask) => boolean;
  /** Asked for when there is one to run: transactions are made after what executes. */
  readonly transactions: () => Transactions;
}

/** Makes the completion of an attempt, when an executor first asks for one. */
export type Completions = (task: HeldTask) => Completion;

/** The maker of completions with these parts. */
export function completionsWith(parts: CompletionParts): Completions {
  return (task) => new Completion(parts, task);
}

/**
 * The completion of one attempt. From the moment a confirmation is sent on a transaction, only the database knows whether
 * the task is confirmed: a COMMIT that was acknowledged tells it, anything else is resolved by reading. Once the attempt
 * has ended, no statement of it and no COMMIT is sent any more.
 */
export class Completion implements AttemptTransaction {
  readonly #parts: CompletionParts;
  readonly #task: HeldTask;
  readonly #ending = new AbortController();
  /** The transaction under way, until its COMMIT is sent. */
  #own: OwnTransaction<unknown, unknown> | null = null;
  #hasBegun = false;
  #standing: "untouched" | "doubted" | "confirmed" = "untouched";

  constructor(parts: CompletionParts, task: HeldTask) {
    this.#parts = parts;
    this.#task = task;
  }

  /** Whether a confirmation was asked for, so that the task is confirmed by that or not at all. */
  get isTouched(): boolean {
    return this.#standing !== "untouched";
  }

  /** Whether the database has said that the task is confirmed. */
  get isConfirmed(): boolean {
    return this.#standing === "confirmed";
  }

  /** See AttemptContext. */
  complete(transaction: unknown): Awaitable<void> {
    const confirming = this.#confirmOnCallers(transaction);
    return this.#parts.store.synchronous ? runStepsSync(confirming) : runSteps(confirming);
  }

  /** See AttemptHost. */
  async transact(work: Callback, options: AttemptTransactionOptions): Promise<void> {
    try {
      await this.#parts.transactions().runAttempt(this, work, options);
    } catch (error) {
      if (!this.#hasBegun && error instanceof StoreUnavailableError) {
        throw new RetryAfterError(COME_AGAIN_MS, "no transaction could be begun", { cause: error });
      }
      if (!this.isTouched) throw error;
      if ((await this.#resolved()) === "held") throw this.#notCommitted(error);
    }
  }

  /**
   * For one that is touched: resolves once the task is known to be confirmed, and rejects once it is known not to be. When
   * the attempt ends first it rejects, and the settlement of that end finds out.
   */
  async assertConfirmed(): Promise<void> {
    if ((await this.#resolved()) === "confirmed") return;
    throw new TransactionRolledBackError(
      "the executor is done, and the transaction in which it completed its task was not committed: await its commit, and " +
        "complete the task outside of savepoints",
    );
  }

  /** The attempt has ended: a transaction that is under way is rolled back, unless its COMMIT was sent. */
  end(): void {
    if (this.#ending.signal.aborted) return;
    this.#ending.abort();
    void this.#own?.rollback({ atOnce: true });
    this.#own = null;
  }

  /** A transaction of the store's own has begun. That may have taken long: it is looked once more whether work may start. */
  begun(own: OwnTransaction<unknown, unknown>): void {
    this.#hasBegun = true;
    this.#standing = "untouched"; // of an earlier run that is retried nothing was committed
    this.#assertOpen();
    if (!this.#parts.mayStart(this.#task)) {
      throw new RetryAfterError(
        COME_AGAIN_MS,
        "the lease of this process ran out before a transaction had begun",
      );
    }
    this.#own = own;
  }

  /** All work on it is done, also what was sent by hand and not waited for: it may have ended the transaction. */
  async confirm(own: OwnTransaction<unknown, unknown>): Promise<void> {
    const store: Store = this.#parts.store;
    if (!own.provesCommit()) await (await own.savepoint()).release();
    this.#assertOpen();
    store.assertTransaction(own.transaction);
    if (!(await store.confirmWithin(own.transaction, this.#task))) throw this.#lost();
  }

  /** Its COMMIT is about to be sent. */
  committing(): void {
    this.#assertOpen();
    this.#own = null;
    this.#standing = "doubted";
  }

  /** Its COMMIT was acknowledged. */
  committed(isProven: boolean): void {
    if (isProven) this.#standing = "confirmed";
  }

  *#confirmOnCallers(transaction: unknown): Steps<void> {
    const store: Store = this.#parts.store;
    // Whoever asks means it: an executor that swallows a refusal, and returns, has not succeeded.
    if (!this.isConfirmed) this.#standing = "doubted";
    this.#assertOpen();
    store.assertTransaction(transaction);
    if (!(yield* step(store.confirmWithin(transaction, this.#task)))) throw this.#lost();
    this.#assertOpen();
  }

  async #resolved(): Promise<"confirmed" | "held"> {
    const { ports } = this.#parts;
    const { signal } = this.#ending;
    for (let delayMs = FIRST_LOOK_MS; !this.isConfirmed; delayMs = Math.min(delayMs * 2, LONGEST_LOOK_MS)) {
      const standing = await this.#read();
      if (standing === "held") return "held";
      if (standing === "lost") throw this.#lost();
      if (standing === "confirmed") this.#standing = "confirmed";
      else await sleep(ports.timers, delayMs, signal);
    }
    return "confirmed";
  }

  /** An outage is waited out, as it is when outcomes are settled. */
  async #read(): Promise<ConfirmationStanding> {
    const { store, ports, availability } = this.#parts;
    const { signal } = this.#ending;
    for (;;) {
      this.#assertOpen();
      try {
        const [standing = "open"] = await store.readConfirmations([this.#task]);
        availability.succeeded("read confirmation");
        return standing;
      } catch (error) {
        await sleep(ports.timers, availability.failed("read confirmation", error), signal);
      }
    }
  }

  /** COMMIT failed, and the claim stands: nothing was written. */
  #notCommitted(error: unknown): unknown {
    this.#standing = "untouched";
    if (!(error instanceof CommitUnknownError) && !(error instanceof StoreUnavailableError)) return error;
    const message = "COMMIT was not carried out, and the database shows that nothing was written";
    return new RetryAfterError(COME_AGAIN_MS, message, { cause: error });
  }

  #assertOpen(): void {
    if (this.#ending.signal.aborted) throw new ClaimLostError(this.#task.taskId, "which has ended");
  }

  #lost(): ClaimLostError {
    return new ClaimLostError(this.#task.taskId, "whose claim was taken over, or was ended by somebody");
  }
}
