/** `transaction(scheduler, db, work)` of every adapter: the library begins and commits, the fast path follows the commit. */

/** What of a receipt an adapter hands on. */
export interface AdapterReceipt {
  readonly taskId: string;
  /** False when the task stood already. */
  readonly created: boolean;
}

/** What of a scheduler `transaction` uses. */
export interface CollectingScheduler {
  collect<Value>(work: () => Value): { readonly value: Value; readonly receipts: readonly AdapterReceipt[] };
  tryExecuteNow(receipts: readonly AdapterReceipt[]): Promise<unknown>;
}

/** What a committed transaction resolves to. */
export interface CommittedWork<Value> {
  /** What the callback returned. */
  readonly value: Value;
  /**
   * One receipt per task that the callback enqueued, in order; in savepoints too, also in those that were rolled back,
   * whose tasks do not exist and are never executed.
   */
  readonly receipts: readonly AdapterReceipt[];
}

/**
 * Has the library run `work` in a transaction, and starts the fast path once the library says that it has committed.
 * A library that runs the callback again, after a serialization failure, leaves no receipt of the earlier run.
 */
export async function committedWork<Transaction, Value>(
  scheduler: CollectingScheduler,
  begin: (run: (transaction: Transaction) => Promise<Value>) => PromiseLike<unknown>,
  work: (transaction: Transaction) => Value | Promise<Value>,
): Promise<CommittedWork<Value>> {
  let last: { readonly value: Promise<Value>; readonly receipts: readonly AdapterReceipt[] } | null = null;
  await begin((transaction) => {
    last = scheduler.collect(async () => await work(transaction));
    return last.value;
  });
  const { value, receipts } = started<Promise<Value>>(scheduler, last);
  return Object.freeze({ value: await value, receipts });
}

/** As above, for libraries whose transactions are synchronous: it has committed before it returns. */
export function committedWorkSync<Transaction, Value>(
  scheduler: CollectingScheduler,
  begin: (run: (transaction: Transaction) => Value) => unknown,
  work: (transaction: Transaction) => Value,
): CommittedWork<Value> {
  let last: { readonly value: Value; readonly receipts: readonly AdapterReceipt[] } | null = null;
  begin((transaction) => {
    last = scheduler.collect(() => work(transaction));
    return last.value;
  });
  return started(scheduler, last);
}

function started<Value>(
  scheduler: CollectingScheduler,
  last: { readonly value: Value; readonly receipts: readonly AdapterReceipt[] } | null,
): CommittedWork<Value> {
  if (last === null) throw new TypeError("the library committed without running the callback");
  void scheduler.tryExecuteNow(last.receipts);
  return Object.freeze({ value: last.value, receipts: Object.freeze([...last.receipts]) });
}
