/** The payment book on SQLite: payments and tasks in one file, transactions that are synchronous. */
import { type BoundExecutor, Scheduler } from "owed";
import { sqliteStore } from "owed/sqlite";
import { type PaymentBook, schedulerOptions } from "./payment-book.ts";
import { deliverWebhook, receiptTaskId, webhookTaskId, writeReceipt } from "./tasks.ts";

/** Opens the book in a file. */
export function sqlitePaymentBook(file: string, executors: readonly BoundExecutor[]): PaymentBook {
  const store = sqliteStore({ file });
  const scheduler = new Scheduler({ store, ...schedulerOptions(executors) });
  return {
    scheduler,
    store,
    async createTable() {
      await scheduler.transaction((tx) => {
        tx.run("create table if not exists payment (id text primary key, amount_cents integer not null)");
      });
    },
    async pay(payment, onCommitting) {
      const { paymentId, amountCents } = payment;
      const { value: isNew } = await scheduler.transaction((tx) => {
        const { changes } = tx.run(
          "insert into payment (id, amount_cents) values (?, ?) on conflict do nothing",
          paymentId,
          amountCents,
        );
        if (Number(changes) === 0) return false;
        tx.enqueue(deliverWebhook, payment, { taskId: webhookTaskId(paymentId), referenceId: paymentId });
        tx.enqueue(writeReceipt, payment, { taskId: receiptTaskId(paymentId), referenceId: paymentId });
        onCommitting();
        return true;
      });
      return isNew;
    },
    async paymentIds() {
      const { value } = await scheduler.transaction((tx) =>
        tx.all<{ readonly id: string }>("select id from payment order by id").map(({ id }) => id),
      );
      return value;
    },
  };
}
