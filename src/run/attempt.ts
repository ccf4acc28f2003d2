/** One attempt: the executor under a timeout and a signal, its end as a value. Never rejects. */
import { AttemptAbortedError, AttemptTimeoutError } from "../errors.ts";
import type { Clock, Ports, Timer } from "../ports/ports.ts";
import type { AttemptHost, AttemptTransactionOptions, BoundExecutor } from "../task/executor.ts";
import type { Outcome } from "../task/outcome.ts";
import { readText, safeError } from "../task/safe-error.ts";
import type { ClaimedTask } from "../task/task.ts";
import type { Completion, Completions } from "./completion.ts";
import type { Callback } from "./transaction-session.ts";

/** How an attempt ended. */
export interface AttemptResult {
  readonly outcome: Outcome;
  readonly durationMs: number;
  /** The task was confirmed in a transaction of the executor: nothing is left to be written. */
  readonly isConfirmed: boolean;
  /** When the executor ignored its timeout or its abort: settles with how it ended after all. Else null. */
  readonly unfinished: Promise<LateEnd> | null;
}

/** How an executor ended that outlived its attempt; `confirmed`: in a transaction whose COMMIT was already on its way. */
type LateEnd = "succeeded" | "confirmed" | "failed";

const SUCCEEDED: Outcome = Object.freeze({ kind: "succeeded" });

/** How long an executor whose signal was aborted has to return before it counts as deaf. */
export const ABORT_MS = 1_000;

/** Why the process takes an attempt back. */
export type AbortCause = "stopping" | "lease-lost";

/**
 * A running attempt; it starts as it is made. Every task makes one, so there is one promise for its end and one for the
 * executor's, and no closure that only a failure would need.
 */
export class RunningAttempt {
  readonly result: Promise<AttemptResult>;
  readonly #clock: Clock;
  readonly #startedMs: number;
  readonly #signal = new LazySignal();
  readonly #run: Promise<unknown>;
  readonly #timer: Timer;
  readonly #task: ClaimedTask;
  readonly #completions: Completions;
  #completion: Completion | null = null;
  #isOver = false;
  #resolve!: (result: AttemptResult) => void;
  #abortedBy: AbortCause | null = null;

  constructor(
    ports: Ports,
    executor: BoundExecutor,
    task: ClaimedTask,
    timeoutMs: number,
    completions: Completions,
  ) {
    this.#task = task;
    this.#completions = completions;
    this.#clock = ports.clock;
    this.#startedMs = ports.clock.monotonicMs();
    this.result = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#timer = ports.timers.after(timeoutMs, () => this.#timeOut(timeoutMs));
    this.#run = invoke(executor, task, new Host(task, this.#signal, this));
    this.#run.then(
      () => this.#returned(),
      (thrown: unknown) => this.#threw(thrown),
    );
  }

  /** What completes the task in a transaction; made when an executor asks for it. */
  get completion(): Completion {
    if (this.#completion === null) {
      this.#completion = this.#completions(this.#task);
      if (this.#isOver) this.#completion.end();
    }
    return this.#completion;
  }

  /** Aborts the signal; the executor may still finish. */
  abort(cause: AbortCause): void {
    this.#abortedBy ??= cause;
    const reason = cause === "stopping" ? "the process is stopping" : "the process has lost its lease";
    this.#signal.abort(new AttemptAbortedError(reason));
  }

  /** Ends the attempt as abandoned, whether the executor has finished or not. */
  abandon(): void {
    this.#finish({ kind: "abandoned" }, this.#ended());
  }

  #timeOut(timeoutMs: number): void {
    const timeout = new AttemptTimeoutError(timeoutMs);
    this.#signal.abort(timeout);
    this.#finish({ kind: "failed", error: safeError(timeout), permanent: false }, this.#ended());
  }

  #returned(): void {
    const completion = this.#completion;
    if (completion?.isTouched !== true) return this.#finish(SUCCEEDED, null);
    completion.assertConfirmed().then(
      () => this.#finish(SUCCEEDED, null),
      (reason: unknown) => this.#failed(reason),
    );
  }

  /** What an executor throws after the commit of its completion changes nothing any more. */
  #threw(thrown: unknown): void {
    const completion = this.#completion;
    if (completion?.isTouched !== true) return this.#failed(thrown);
    completion.assertConfirmed().then(
      () => this.#finish(SUCCEEDED, null),
      () => this.#failed(thrown),
    );
  }

  #failed(thrown: unknown): void {
    this.#finish(outcomeOf(thrown, this.#abortedBy === "stopping"), null);
  }

  #ended(): Promise<LateEnd> {
    const endOf = (ordinary: LateEnd): LateEnd => {
      if (this.#completion?.isTouched !== true) return ordinary;
      return this.#completion.isConfirmed ? "confirmed" : "failed";
    };
    return this.#run.then(
      () => endOf("succeeded"),
      () => endOf("failed"),
    );
  }

  /** Only the first end counts. */
  #finish(outcome: Outcome, unfinished: AttemptResult["unfinished"]): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer.cancel();
    const isConfirmed = outcome === SUCCEEDED && this.#completion?.isConfirmed === true;
    this.#completion?.end();
    const durationMs = this.#clock.monotonicMs() - this.#startedMs;
    this.#resolve({ outcome, durationMs, isConfirmed, unfinished });
  }
}

/** A signal that is made when somebody asks for it: most executors never do, and it is dear. */
class LazySignal {
  #controller: AbortController | null = null;
  #reason: Error | null = null;

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#reason !== null) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  abort(reason: Error): void {
    this.#reason ??= reason;
    this.#controller?.abort(reason);
  }
}

/** What the executor is given. A class whose getters are shared: a getter in a literal is dear. */
class Host implements AttemptHost<unknown> {
  readonly taskId: string;
  readonly type: string;
  readonly referenceId: string | null;
  readonly headers: Readonly<Record<string, string>> | null;
  readonly attempt: number;
  readonly failedAttempts: number;
  readonly generation: number;
  declare readonly signal: AbortSignal;
  declare readonly complete: AttemptHost<unknown>["complete"];
  readonly #lazy: LazySignal;
  readonly #running: RunningAttempt;

  /** Its own and enumerable, so that a copy of the context has them too. */
  static readonly #getters: PropertyDescriptorMap & ThisType<Host> = {
    signal: {
      enumerable: true,
      get() {
        return this.#lazy.signal;
      },
    },
    complete: {
      enumerable: true,
      get() {
        const running = this.#running;
        return (transaction: object) => running.completion.complete(transaction);
      },
    },
  };

  constructor(task: ClaimedTask, lazy: LazySignal, running: RunningAttempt) {
    this.taskId = task.taskId;
    this.type = task.type;
    this.referenceId = task.referenceId;
    this.headers = task.headers;
    this.attempt = attemptNumber(task);
    this.failedAttempts = task.failedAttempts;
    this.generation = task.token.generation;
    this.#lazy = lazy;
    this.#running = running;
    Object.defineProperties(this, Host.#getters);
  }

  transact(work: (tx: unknown) => unknown, options: AttemptTransactionOptions): Promise<void> {
    return this.#running.completion.transact(work as Callback, options); // the scheduler checks whose tx it is
  }
}

/** Calls the executor; one that throws, or answers no promise, is like one that does as it should. */
function invoke(executor: BoundExecutor, task: ClaimedTask, host: Host): Promise<unknown> {
  try {
    return Promise.resolve(executor.run(task, host));
  } catch (error) {
    return Promise.reject(error);
  }
}

/** 1 for the first attempt of a generation; every earlier one counts, however it ended. */
export function attemptNumber(task: ClaimedTask): number {
  return task.failedAttempts + task.lostAttempts + task.deferredAttempts + 1;
}

/** What a thrown value means. Errors are told by their code, read with care: a proxy may throw at every touch. */
function outcomeOf(thrown: unknown, isStopping: boolean): Outcome {
  const error = safeError(thrown);
  if (error.code === "OWED_PERMANENT") return { kind: "failed", error, permanent: true };
  if (isStopping) return { kind: "abandoned" };
  if (error.code === "OWED_UNDECODABLE") return { kind: "undecodable", error };
  if (error.code === "OWED_RETRY_AFTER") {
    const delayMs = Number(readText(thrown, "delayMs") ?? Number.NaN);
    if (Number.isFinite(delayMs) && delayMs >= 0) return { kind: "deferred", error, delayMs };
  }
  return { kind: "failed", error, permanent: false };
}
