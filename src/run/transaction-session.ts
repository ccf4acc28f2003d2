/** One run of a transaction's callback: what it gets in hand, and the receipts of what it enqueued and did not undo. */
import {
  InvalidInputError,
  NotATransactionError,
  SynchronousOnlyError,
  TransactionRolledBackError,
} from "../errors.ts";
import type { Awaitable, OwnTransaction, Savepoint } from "../store/contract.ts";
import type { TaskDefinition } from "../task/definition.ts";
import { checkFunction } from "../task/option-checks.ts";
import type { Enqueuer, Receipt, Records, SendingAhead } from "./enqueue.ts";
import { enqueueRecord, incomingRecords, type TypedItem } from "./incoming-records.ts";
import type { EnqueueOptions, RawRecord } from "./new-record.ts";
import { runSteps, runStepsSync, type Steps } from "./steps.ts";

/** A plain value in a synchronous store, a promise in all others. */
export type Answer<Synchronous extends boolean, Value> = Synchronous extends true ? Value : Promise<Value>;

/** What a callback may answer: on a synchronous store no promise, since what follows an await would run outside. */
export type WorkResult<Synchronous extends boolean, Value> = Synchronous extends true
  ? Value extends PromiseLike<unknown>
    ? never
    : Value
  : Value | Promise<Value>;

/**
 * What an enqueue inside `transaction(fn)` answers; whether the task was created is told with the transaction's result. Where
 * the driver pipelines (a pool of pg with `pipeline: true`) it answers once the task is sent, before the database does: a
 * refused duplicate, or another error of the database, then aborts the transaction, and is what the transaction rejects with.
 */
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
  /**
   * Runs `work` in a savepoint: when it throws, what it wrote and enqueued is gone and the transaction goes on. Until it
   * is over, what is done on the transaction belongs to it, through whichever tx, and no other savepoint may begin but
   * through the tx of `work`: InvalidInputError.
   */
  savepoint<Value>(
    work: (tx: SchedulerTransaction<Api, Synchronous>) => WorkResult<Synchronous, Value>,
  ): Answer<Synchronous, Value>;
}

/** What the callback of `transaction(fn)` gets. */
export type SchedulerTransaction<Api, Synchronous extends boolean> = Api &
  TransactionEnqueue<Api, Synchronous>;

/** What a transaction or a savepoint runs. */
export type Callback = (tx: SchedulerTransaction<unknown, boolean>) => unknown;

/** The transaction, or a savepoint in it, for as long as its callback may use it. */
interface Level {
  readonly name: "transaction" | "savepoint";
  /** The savepoint under way in it. There is never a second one: a database keeps savepoints as a stack. */
  inner: Promise<unknown> | null;
  hasEnded: boolean;
}

/** One call to enqueue. */
interface EnqueueCall {
  receipts: readonly Receipt[];
  /** Known as soon as the tasks are sent. */
  taskIds: readonly string[];
}

/**
 * One transaction under way: collects receipts, and drops those of savepoints that are rolled back. What a callback does
 * not wait for belongs where it was called: a savepoint neither begins nor ends while an enqueue is under way, and
 * neither a savepoint nor the transaction ends before the savepoints in it. What has ended takes no more calls.
 */
export class TransactionSession {
  readonly #own: OwnTransaction<unknown, unknown>;
  readonly #enqueuer: Enqueuer;
  /** In their order; a savepoint is a length of it. */
  readonly #calls: EnqueueCall[] = [];
  /** Calls that are not answered, and those among them that are not even sent. */
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #unsent = new Set<Promise<unknown>>();
  /** The first error of a call that was answered before the database had answered. */
  #failure: { readonly error: unknown } | null = null;

  constructor(own: OwnTransaction<unknown, unknown>, enqueuer: Enqueuer) {
    this.#own = own;
    this.#enqueuer = enqueuer;
  }

  /** What was enqueued and not undone, as far as it is answered. */
  get receipts(): readonly Receipt[] {
    return this.#calls.flatMap(({ receipts }) => receipts);
  }

  /** Ids of what was sent and not undone. */
  get taskIds(): readonly string[] {
    return this.#calls.flatMap(({ taskIds }) => taskIds);
  }

  /** Waits until all that was sent is answered; rejects with the error of what was sent ahead and failed. */
  async answered(): Promise<void> {
    await Promise.allSettled(this.#underWay);
    this.#throwFailure();
  }

  /** What is behind an error: once something sent ahead has failed, all that follows fails for that reason alone. */
  explained(error: unknown): unknown {
    return this.#failure !== null && isAftermath(error) ? this.#failure.error : error;
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }

  /** Runs the callback, and answers or throws as it does once all is over that it began, also what it did not wait for. */
  async run(callback: Callback): Promise<unknown> {
    const level = newLevel("transaction");
    try {
      const value = callback(this.#api(level));
      return this.#isSynchronous ? refusePromise(value) : await value;
    } finally {
      // On a synchronous store nothing is awaited up to here: what the callback left for later would run before COMMIT.
      await this.#end(level, () => undefined);
    }
  }

  /** The store's own api with ours on top; its getters stay live. */
  #api(level: Level): SchedulerTransaction<unknown, boolean> {
    const one = (definition: unknown, data: unknown, options: unknown): unknown =>
      this.#enqueue([enqueueRecord(definition, data, options)].values(), ([taskId]) => ({ taskId }));
    const all = (...rest: readonly unknown[]): unknown =>
      this.#enqueue(incomingRecords(rest), (taskIds) => taskIds.map((taskId) => ({ taskId })));
    const added = {
      enqueue: one,
      enqueueAll: all,
      savepoint: (work: Callback) => this.#savepoint(level, work),
    };
    const tx = withAdded(this.#own.api as object, added, {
      assertOpen: () => {
        if (level.hasEnded) throw endedError(level);
      },
      call: (method) => {
        if (!level.hasEnded) return method();
        if (this.#isSynchronous) throw endedError(level);
        return Promise.reject(endedError(level));
      },
    });
    return tx as SchedulerTransaction<unknown, boolean>; // both halves are there
  }

  #enqueue(records: Records, answer: (taskIds: readonly string[]) => unknown): unknown {
    const call: EnqueueCall = { receipts: [], taskIds: [] };
    this.#calls.push(call);
    if (this.#isSynchronous) {
      runStepsSync(this.#collect(call, records, null));
      return answer(call.taskIds);
    }
    return this.#enqueueAhead(call, records).then(() => answer(call.taskIds));
  }

  /** Enqueues without a callback; answers as `tx.enqueue` does. */
  async enqueue(records: Records): Promise<void> {
    const call: EnqueueCall = { receipts: [], taskIds: [] };
    this.#calls.push(call);
    await this.#enqueueAhead(call, records);
  }

  /** Answers when the tasks are sent, where the transaction sends ahead, else when they are written. */
  #enqueueAhead(call: EnqueueCall, records: Records): Promise<void> {
    let isSent = false;
    const answer = new Promise<void>((resolve, reject) => {
      const ahead: SendingAhead = {
        mayBegin: () => this.#own.sendsAhead?.() === true,
        sent: (taskIds) => {
          call.taskIds = taskIds;
          isSent = true;
          resolve();
        },
      };
      const enqueued = runSteps(this.#collect(call, records, ahead));
      track(this.#underWay, enqueued);
      enqueued.then(resolve, (error: unknown) => {
        if (isSent) this.#failure ??= { error };
        reject(error);
      });
    });
    track(this.#unsent, answer);
    return answer;
  }

  *#collect(call: EnqueueCall, records: Records, ahead: SendingAhead | null): Steps<void> {
    call.receipts = yield* this.#enqueuer.enqueue(this.#own.transaction, records, ahead);
    call.taskIds = call.receipts.map(({ taskId }) => taskId);
  }

  /**
   * Calls `send` at a moment when no enqueue is under way, nor a savepoint inside that level. The transaction ends behind
   * what is sent: its COMMIT need not wait for the answers.
   */
  async #quietly<Value>(
    level: Level,
    until: "sent" | "answered",
    send: () => Awaitable<Value>,
  ): Promise<Value> {
    const calls = until === "sent" ? this.#unsent : this.#underWay;
    while (calls.size > 0 || level.inner !== null) {
      await Promise.allSettled([...calls, level.inner]);
    }
    return await send();
  }

  /** Calls `send` once all is over that was begun in that level; from then on it takes no calls. */
  #end<Value>(level: Level, send: () => Awaitable<Value>): Promise<Value> {
    return this.#quietly(level, level.name === "transaction" ? "sent" : "answered", () => {
      level.hasEnded = true;
      return send();
    });
  }

  get #isSynchronous(): boolean {
    return this.#enqueuer.isSynchronous;
  }

  #savepoint(level: Level, work: Callback): unknown {
    checkFunction("work", work, "pass the function that does the work, as in tx.savepoint((tx) => ...)");
    return this.#isSynchronous ? this.#runInSavepointSync(work) : this.#savepointWithin(level, work);
  }

  /** Answers a promise of its own: that the session waits for the work must not hide an error that the caller forgot. */
  async #savepointWithin(outer: Level, work: Callback): Promise<unknown> {
    if (outer.inner !== null) {
      throw new InvalidInputError(
        "tx",
        "has a savepoint under way already",
        "await that one first; inside it, use the tx that its own callback was given",
      );
    }
    outer.inner = this.#runInSavepoint(work);
    try {
      return await outer.inner;
    } finally {
      outer.inner = null;
    }
  }

  async #runInSavepoint(work: Callback): Promise<unknown> {
    const level = newLevel("savepoint");
    let first = 0;
    const savepoint = await this.#quietly(level, "answered", () => {
      this.#throwFailure();
      first = this.#calls.length;
      return this.#own.savepoint();
    });
    try {
      const value = await work(this.#api(level));
      await this.#end(level, () => {
        this.#throwFailure();
        return savepoint.release();
      });
      return value;
    } catch (error) {
      let cause = error;
      await this.#end(level, () => {
        cause = this.explained(error);
        return this.#undo(savepoint, first);
      });
      throw cause;
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
    this.#failure = null;
    this.#enqueuer.forget(undone.flatMap(({ receipts }) => receipts));
  }

  #runInSavepointSync(work: Callback): unknown {
    const level = newLevel("savepoint");
    const first = this.#calls.length;
    const savepoint = this.#own.savepoint() as Savepoint; // a synchronous store answers with a plain value
    try {
      const value = refusePromise(work(this.#api(level)));
      void savepoint.release();
      return value;
    } catch (error) {
      void savepoint.rollback();
      this.#enqueuer.forget(this.#calls.splice(first).flatMap(({ receipts }) => receipts));
      throw error;
    } finally {
      level.hasEnded = true;
    }
  }
}

function track(set: Set<Promise<unknown>>, work: Promise<unknown>): void {
  set.add(work);
  const done = (): boolean => set.delete(work);
  work.then(done, done);
}

/** Whether an error only tells that the transaction had failed before. */
function isAftermath(error: unknown): boolean {
  if (error instanceof TransactionRolledBackError || error instanceof NotATransactionError) return true;
  return (error as { readonly code?: unknown } | null | undefined)?.code === "25P02";
}

function newLevel(name: Level["name"]): Level {
  return { name, inner: null, hasEnded: false };
}

function endedError({ name }: Level): NotATransactionError {
  return new NotATransactionError(
    `this ${name} has ended`,
    "use its tx inside its callback only, and await what you call",
  );
}

/** What stands before every use of a transaction's api. */
interface Guard {
  assertOpen(): void;
  call(method: () => unknown): unknown;
}

/** The store's own api with functions laid over it; methods of a class with private fields keep their receiver. */
function withAdded(api: object, added: object, guard: Guard): object {
  // The proxy stands before an object of its own: a frozen target would forbid it to bind.
  return new Proxy(Object.create(null) as object, {
    get(_, key) {
      const owner = Object.hasOwn(added, key) ? added : api;
      const value: unknown = Reflect.get(owner, key, owner);
      if (typeof value === "function") {
        return (...rest: readonly unknown[]) =>
          guard.call(() => Reflect.apply(value, owner, rest) as unknown);
      }
      if (key in owner) guard.assertOpen();
      return value;
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
