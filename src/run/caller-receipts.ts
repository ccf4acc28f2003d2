/** Receipts of tasks that were enqueued in callers' own transactions: who collects them, and what starts them after the commit. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Store } from "../store/contract.ts";
import { checkTaskId } from "../task/identifier.ts";
import type { Enqueuer, Receipt } from "./enqueue.ts";
import type { FastPath } from "./fast-path.ts";
import type { ExecutionAnswer } from "./funnel.ts";

/** What `collect` answers. */
export interface Collected<Value> {
  /** What the work returned. */
  readonly value: Value;
  /** Grows for as long as the work goes on. Complete once a promise that the work returned has settled. */
  readonly receipts: readonly Receipt[];
}

/** Keeps receipts together with the work they came from. */
export class CallerReceipts {
  readonly #store: Store;
  readonly #enqueuer: Enqueuer;
  readonly #fastPath: FastPath;
  readonly #onLeft: (type: string) => void;
  readonly #collecting = new AsyncLocalStorage<Receipt[]>();

  /** @param onLeft told of a type whose tasks were enqueued here, are due, and are not executed here */
  constructor(store: Store, enqueuer: Enqueuer, fastPath: FastPath, onLeft: (type: string) => void) {
    this.#store = store;
    this.#enqueuer = enqueuer;
    this.#fastPath = fastPath;
    this.#onLeft = onLeft;
  }

  /** See `Scheduler.collect`. The work may enqueue in nested transactions, whose objects no adapter could tell apart. */
  collect<Value>(work: () => Value): Collected<Value> {
    const receipts: Receipt[] = [];
    return { value: this.#collecting.run(receipts, work), receipts };
  }

  /** Notes what was enqueued in a caller's transaction. */
  enqueued(transaction: unknown, receipts: readonly Receipt[]): void {
    const collected = this.#collecting.getStore();
    if (collected !== undefined) for (const receipt of receipts) collected.push(receipt);
    this.#store.afterCommit?.(transaction, () => void this.tryExecuteNow(receipts));
  }

  /** See `Scheduler.tryExecuteNow`. */
  async tryExecuteNow(receipts: readonly Receipt[]): Promise<readonly ExecutionAnswer[]> {
    return await Promise.all(receipts.map((receipt) => this.#tryOne(receipt)));
  }

  async #tryOne(receipt: Receipt): Promise<ExecutionAnswer> {
    if (receipt?.created !== true) return "notClaimed";
    const birth = this.#enqueuer.birthOf(receipt);
    if (birth !== null) return await this.#fastPath.startBirth(birth);
    try {
      checkTaskId(receipt.taskId);
    } catch {
      return "notClaimed"; // no task can have that id
    }
    const answer = await this.#fastPath.startById(receipt.taskId, "fast");
    const leftType = this.#enqueuer.leftTypeOf(receipt);
    if (answer === "notClaimed" && leftType !== null) this.#onLeft(leftType);
    return answer;
  }
}
