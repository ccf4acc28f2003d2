/** The payment book on Postgres: payments and tasks in one schema of the demo's own. */
import { type BoundExecutor, Scheduler } from "owed";
import { postgresStore } from "owed/postgres";
import { type PaymentBook, schedulerOptions } from "./payment-book.ts";
import { deliverWebhook, receiptTaskId, webhookTaskId, writeReceipt } from "./tasks.ts";

/** The schema that holds everything the demo writes. */
export const DEMO_SCHEMA = "owed_demo";

/** Opens the book in the demo's schema of a database. */
export function postgresPaymentBook(
  connectionString: string,
  executors: readonly BoundExecutor[],
): PaymentBook {
  const store = postgresStore({ connectionString, schema: DEMO_SCHEMA });
  const scheduler = new Scheduler({ store, ...schedulerOptions(executors) });
  const table = `${DEMO_SCHEMA}.payment`;
  return {
    scheduler,
    store,
    async createTable() {
      await scheduler.transaction(async (tx) => {
        await tx.query(
          `create table if not exists ${table} (id text primary key, amount_cents integer not null)`,
        );
      });
    },
    async pay(payment, onCommitting) {
      const { paymentId, amountCents } = payment;
      const { value: isNew } = await scheduler.transaction(async (tx) => {
        const { rowCount } = await tx.query(
          `insert into ${table} (id, amount_cents) values ($1, $2) on conflict do nothing`,
          [paymentId, amountCents],
        );
        if (rowCount === 0) return false;
        await tx.enqueue(deliverWebhook, payment, {
          taskId: webhookTaskId(paymentId),
          referenceId: paymentId,
        });
        await tx.enqueue(writeReceipt, payment, {
          taskId: receiptTaskId(paymentId),
          referenceId: paymentId,
        });
        onCommitting();
        return true;
      });
      return isNew;
    },
    async paymentIds() {
      const { value } = await scheduler.transaction(async (tx) => {
        const { rows } = await tx.query<{ id: string }>(`select id from ${table} order by id`);
        return rows.map(({ id }) => id);
      });
      return value;
    },
  };
}
