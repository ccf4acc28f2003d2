/** The audit: collects the evidence after the service has stopped, in a process that executed nothing. */
import { readdirSync } from "node:fs";
import type { Balance } from "owed";
import type { TaskEvidence } from "./evidence.ts";
import type { PaymentBook } from "./payment-book.ts";
import { receiptTaskId, webhookTaskId } from "./tasks.ts";

/** What database and receipts folder say. */
export interface Books {
  readonly paymentIds: readonly string[];
  readonly balance: Balance;
  readonly tasks: ReadonlyMap<string, TaskEvidence>;
  readonly receipts: ReadonlySet<string>;
}

/** Reads the payment table, the balance, every task of every payment, and the folder of receipts. */
export async function readBooks(book: PaymentBook, receiptsFolder: string): Promise<Books> {
  const paymentIds = await book.paymentIds();
  const taskIds = paymentIds.flatMap((paymentId) => [webhookTaskId(paymentId), receiptTaskId(paymentId)]);
  const tasks = new Map<string, TaskEvidence>();
  for (const taskId of taskIds) {
    const task = await book.scheduler.get(taskId);
    if (task === null) continue;
    const { state, owner, attempts } = task;
    tasks.set(taskId, { state, owner, attempts });
  }
  const receipts = readdirSync(receiptsFolder)
    .filter((name) => name.endsWith(".txt"))
    .map((name) => name.slice(0, -".txt".length));
  return { paymentIds, balance: await book.store.balance(), tasks, receipts: new Set(receipts) };
}
