/** Every error this library throws on purpose. Each has a literal `code`; docs/errors.md says what to do about it. */

/** Base of all errors of this library: `error instanceof OwedError` separates ours from a driver's. */
export class OwedError extends Error {
  /** Stable, literal name of the error; the class name may be minified, this may not. */
  readonly code: string = "OWED_ERROR";

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** An argument or option that cannot be used. Thrown before anything is written. */
export class InvalidInputError extends OwedError {
  override readonly code = "OWED_INVALID_INPUT";
  /** The field or option that is wrong, as the caller wrote it (`taskId`, `backoff.baseMs`). */
  readonly field: string;
  /** What to do about it. */
  readonly remedy: string;

  constructor(field: string, problem: string, remedy: string) {
    super(`${field} ${problem}: ${remedy}`);
    this.field = field;
    this.remedy = remedy;
  }
}

/** The data does not pass the schema of its definition. Thrown before anything is written. */
export class DataInvalidError extends OwedError {
  override readonly code = "OWED_DATA_INVALID";
  /** The type of the task whose data was refused. */
  readonly type: string;
  /** What the schema said, one line an issue, with the path. Never holds the data itself. */
  readonly issues: readonly string[];

  constructor(type: string, issues: readonly string[]) {
    super(`data of "${type}" does not pass its schema: ${issues.join("; ")}`);
    this.type = type;
    this.issues = issues;
  }
}

/** The data holds something JSON cannot keep, so what would come back is not what was given. */
export class DataNotEncodableError extends OwedError {
  override readonly code = "OWED_DATA_NOT_ENCODABLE";
  /** Where in the data, for example `data.items[3].price`. */
  readonly field: string;

  constructor(field: string, problem: string, remedy: string) {
    super(`${field} ${problem}: ${remedy}`);
    this.field = field;
  }
}

/** The encoded data is larger than the scheduler's `maxDataBytes`. */
export class DataTooLargeError extends OwedError {
  override readonly code = "OWED_DATA_TOO_LARGE";
  /** Size of the encoded data, at least: encoding stops where it passes the limit. */
  readonly sizeBytes: number;
  /** The limit it broke. */
  readonly limitBytes: number;

  constructor(type: string, sizeBytes: number, limitBytes: number) {
    super(
      `data of "${type}" is at least ${sizeBytes} bytes and the limit is ${limitBytes}: ` +
        "store the large part elsewhere and put its key into data, or raise maxDataBytes",
    );
    this.sizeBytes = sizeBytes;
    this.limitBytes = limitBytes;
  }
}

/** One call names the same taskId twice. */
export class DuplicateTaskIdError extends OwedError {
  override readonly code = "OWED_DUPLICATE_TASK_ID";
  /** The id that occurs twice. */
  readonly taskId: string;

  constructor(taskId: string) {
    super(`taskId "${taskId}" occurs twice in one call: remove one, or give them different ids`);
    this.taskId = taskId;
  }
}

/** Two executors were given for one type. */
export class DuplicateExecutorError extends OwedError {
  override readonly code = "OWED_DUPLICATE_EXECUTOR";
  /** The type that has two executors. */
  readonly type: string;

  constructor(type: string) {
    super(`two executors for type "${type}": keep one, a type is executed by exactly one function`);
    this.type = type;
  }
}

/** A task of that id stands already with another type or other data. The call's own inserts are undone. */
export class TaskConflictError extends OwedError {
  override readonly code = "OWED_TASK_CONFLICT";
  /** The ids whose content differs from what stands. */
  readonly taskIds: readonly string[];

  constructor(taskIds: readonly string[]) {
    super(
      `task ${taskIds.map((taskId) => `"${taskId}"`).join(", ")} stands already with another type or other data: ` +
        "nothing of this call was enqueued; the transaction is still usable. Use another taskId for other work",
    );
    this.taskIds = taskIds;
  }
}

/** A task of that id stands already, and the definition says `onDuplicate: "throw"`. */
export class TaskExistsError extends OwedError {
  override readonly code = "OWED_TASK_EXISTS";
  /** The ids that stand already. */
  readonly taskIds: readonly string[];

  constructor(taskIds: readonly string[]) {
    super(
      `task ${taskIds.map((taskId) => `"${taskId}"`).join(", ")} exists already and onDuplicate is "throw": ` +
        "nothing of this call was enqueued; the transaction is still usable",
    );
    this.taskIds = taskIds;
  }
}

/** No task of that id is kept. */
export class TaskNotFoundError extends OwedError {
  override readonly code = "OWED_TASK_NOT_FOUND";
  /** The id that was asked for. */
  readonly taskId: string;

  constructor(taskId: string) {
    super(`no task "${taskId}" is kept: it was never committed, or it was pruned after its retention`);
    this.taskId = taskId;
  }
}

/** The task is not in a state in which the operation is allowed. */
export class TaskStateError extends OwedError {
  override readonly code = "OWED_TASK_STATE";
  /** The task. */
  readonly taskId: string;
  /** The state it is in. */
  readonly state: string;

  constructor(taskId: string, state: string, operation: string, remedy: string) {
    super(`cannot ${operation} task "${taskId}", it is ${state}: ${remedy}`);
    this.taskId = taskId;
    this.state = state;
  }
}

/** What was passed as a transaction is none: a pool, a database, or a connection outside a transaction. */
export class NotATransactionError extends OwedError {
  override readonly code = "OWED_NOT_A_TRANSACTION";

  constructor(problem: string, remedy: string) {
    super(`${problem}: ${remedy}`);
  }
}

/** A call that must finish synchronously met something that needs to wait. */
export class SynchronousOnlyError extends OwedError {
  override readonly code = "OWED_SYNCHRONOUS_ONLY";
}

/**
 * A task was to be confirmed inside a transaction, and the claim of the attempt does not stand any more: another process has
 * taken the task, somebody has ended it, or the attempt is over. Thrown so that the transaction is rolled back.
 */
export class ClaimLostError extends OwedError {
  override readonly code = "OWED_CLAIM_LOST";
  /** The task. */
  readonly taskId: string;

  constructor(taskId: string, reason: string) {
    super(`task "${taskId}" cannot be completed by this attempt, ${reason}: roll the transaction back`);
    this.taskId = taskId;
  }
}

/** COMMIT was answered with ROLLBACK: an earlier statement of the transaction had failed. Nothing was written. */
export class TransactionRolledBackError extends OwedError {
  override readonly code = "OWED_TRANSACTION_ROLLED_BACK";
}

/** The connection was lost while COMMIT was under way: the transaction may or may not have happened. */
export class CommitUnknownError extends OwedError {
  override readonly code = "OWED_COMMIT_UNKNOWN";
  /** The tasks of the transaction: `scheduler.get(taskId)` tells whether they stand. */
  readonly taskIds: readonly string[];

  constructor(taskIds: readonly string[], options?: ErrorOptions) {
    super(
      "the connection was lost while COMMIT was under way, so the transaction may or may not have happened: " +
        "run it again with the same taskIds, a task that stands already answers created: false",
      options,
    );
    this.taskIds = taskIds;
  }
}

/** The database cannot be reached, is read-only, full, or did not answer in time. Try again later. */
export class StoreUnavailableError extends OwedError {
  override readonly code = "OWED_STORE_UNAVAILABLE";
  /** True when the statement may have been carried out all the same. */
  readonly outcomeUnknown: boolean;

  constructor(problem: string, options: ErrorOptions & { readonly outcomeUnknown: boolean }) {
    super(problem, options);
    this.outcomeUnknown = options.outcomeUnknown;
  }
}

/** The database refused the values of a statement; trying the same again cannot help. */
export class StoreRefusedError extends OwedError {
  override readonly code = "OWED_STORE_REFUSED";
}

/** The schema in the database was made by a newer version of this library. */
export class SchemaTooNewError extends OwedError {
  override readonly code = "OWED_SCHEMA_TOO_NEW";
  /** The version found in the database. */
  readonly found: number;
  /** The newest version this library knows. */
  readonly known: number;

  constructor(found: number, known: number) {
    super(
      `the schema has version ${found} and this library knows up to ${known}: upgrade the package "owed" in this process`,
    );
    this.found = found;
    this.known = known;
  }
}

/** The tables are missing or older than this library: nothing has migrated them yet, or `migrate: false` forbids it. */
export class SchemaMissingError extends OwedError {
  override readonly code = "OWED_SCHEMA_MISSING";
}

/** The scheduler was stopped, or is stopping. */
export class SchedulerStoppedError extends OwedError {
  override readonly code = "OWED_SCHEDULER_STOPPED";
}

/** A worker was asked for, and there is nothing it could execute. */
export class NoExecutorError extends OwedError {
  override readonly code = "OWED_NO_EXECUTOR";
}

/** Recorded as the error of an attempt that took longer than its timeout. */
export class AttemptTimeoutError extends OwedError {
  override readonly code = "OWED_ATTEMPT_TIMEOUT";
  /** The timeout it broke. */
  readonly timeoutMs: number;

  constructor(timeoutMs: number) {
    super(`the executor did not finish within ${timeoutMs} ms`);
    this.timeoutMs = timeoutMs;
  }
}

/** The reason of an attempt's AbortSignal when the process stops, or has lost its lease. */
export class AttemptAbortedError extends OwedError {
  override readonly code = "OWED_ATTEMPT_ABORTED";
}

/** Thrown by an executor: the task can never succeed, it fails at once without further attempts. */
export class PermanentError extends OwedError {
  override readonly code = "OWED_PERMANENT";
}

/** Thrown by an executor: come back in `delayMs`; counts as a deferral and not as a failed attempt, until 24 h after the first. */
export class RetryAfterError extends OwedError {
  override readonly code = "OWED_RETRY_AFTER";
  /** How long to wait, at least, in milliseconds. */
  readonly delayMs: number;

  constructor(delayMs: number, message?: string, options?: ErrorOptions) {
    if (!Number.isFinite(delayMs) || delayMs < 0) {
      throw new InvalidInputError(
        "delayMs",
        typeof delayMs === "number" ? `is ${delayMs}` : `is of type ${typeof delayMs}`,
        "give a finite number of milliseconds, 0 or more",
      );
    }
    super(message ?? `retry after ${delayMs} ms`, options);
    this.delayMs = delayMs;
  }
}
