/** One attempt: the executor under a timeout and a signal, its end as a value. Never rejects. */
import { AttemptAbortedError, AttemptTimeoutError } from "../errors.ts";
import type { Ports } from "../ports/ports.ts";
import type { BoundExecutor } from "../task/executor.ts";
import type { Outcome } from "../task/outcome.ts";
import { readText, safeError } from "../task/safe-error.ts";
import type { ClaimedTask } from "../task/task.ts";

/** How an attempt ended. */
export interface AttemptResult {
  readonly outcome: Outcome;
  readonly durationMs: number;
  /** When the executor ignored its timeout or its abort: settles with whether it succeeded after all. Else null. */
  readonly unfinished: Promise<"succeeded" | "failed"> | null;
}

/** Why the process takes an attempt back. */
export type AbortCause = "stopping" | "lease-lost";

/** A running attempt that can be aborted. */
export interface RunningAttempt {
  readonly result: Promise<AttemptResult>;
  /** Aborts the signal; the executor may still finish. */
  abort(cause: AbortCause): void;
  /** Ends the attempt as abandoned, whether the executor has finished or not. */
  abandon(): void;
}

/** Starts an attempt. */
export function startAttempt(
  ports: Ports,
  executor: BoundExecutor,
  task: ClaimedTask,
  timeoutMs: number,
): RunningAttempt {
  const startedMs = ports.clock.monotonicMs();
  const signal = new LazySignal();
  let abortedBy: AbortCause | null = null;
  let finish: (outcome: Outcome, unfinished: AttemptResult["unfinished"]) => void = () => undefined;

  const run = invoke(executor, task, signal);
  const settled = run.then(
    () => "succeeded" as const,
    () => "failed" as const,
  );
  const timer = ports.timers.after(timeoutMs, () => {
    const timeout = new AttemptTimeoutError(timeoutMs);
    signal.abort(timeout);
    finish({ kind: "failed", error: safeError(timeout), permanent: false }, settled);
  });
  const result = new Promise<AttemptResult>((resolve) => {
    finish = (outcome, unfinished) => {
      timer.cancel();
      resolve({ outcome, durationMs: ports.clock.monotonicMs() - startedMs, unfinished });
    };
    run.then(
      () => finish({ kind: "succeeded" }, null),
      (thrown: unknown) => finish(outcomeOf(thrown, abortedBy === "stopping"), null),
    );
  });
  return {
    result,
    abort(cause) {
      abortedBy ??= cause;
      const reason = cause === "stopping" ? "the process is stopping" : "the process has lost its lease";
      signal.abort(new AttemptAbortedError(reason));
    },
    abandon: () => finish({ kind: "abandoned" }, settled),
  };
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

async function invoke(executor: BoundExecutor, task: ClaimedTask, lazy: LazySignal): Promise<void> {
  await executor.run(task, {
    taskId: task.taskId,
    type: task.type,
    referenceId: task.referenceId,
    headers: task.headers,
    attempt: attemptNumber(task),
    failedAttempts: task.failedAttempts,
    generation: task.token.generation,
    get signal() {
      return lazy.signal;
    },
  });
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
