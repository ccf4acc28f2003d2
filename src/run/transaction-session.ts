/** One run of a transaction's callback: what it gets in hand, and the receipts of what it enqueued and did not undo. */
import { SynchronousOnlyError } from "../errors.ts";
import type { Awaitable, OwnTransaction, Savepoint } from "../store/contract.ts";
import type { TaskDefinition } from "../task/definition.ts";
import { checkFunction } from "../task/option-checks.ts";
import type { Enqueuer, Receipt, Records } from "./enqueue.ts";
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

/** What a transaction or a savepoint runs. */
export type Callback = (tx: SchedulerTransaction<unknown, boolean>) => unknown;

/**
 * One transaction under way: collects receipts, and drops those of savepoints that are rolled back. An enqueue that the
 * callback does not wait for belongs where it was called: a savepoint neither begins nor ends while one is under way.
 */
export class TransactionSession {
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
export function refusePromise(value: unknown): unknown {
  if (typeof (value as PromiseLike<unknown> | null | undefined)?.then !== "function") return value;
  Promise.resolve(value as PromiseLike<unknown>).catch(() => undefined);
  throw new SynchronousOnlyError(
    "the callback of a transaction on this store must not be async: what comes after its first await would run outside the transaction",
  );
}
