// The job: each subscription that is due gets an invoice, and owes its sending, in one transaction.
import { sendInvoice } from "./invoices.ts";
import type { ShopScheduler } from "./shop-file.ts";

/** SQLite has one writer at a time: after so many, others get their turn. */
const BILLED_AT_ONCE = 100;
const PERIOD_MS = 30 * 24 * 3_600_000;

interface Subscription {
  readonly id: string;
  readonly email: string;
  readonly amount_cents: number;
  readonly invoices: number;
}

/** Bills all that is due. Killed in the middle, it goes on where it stopped, and nobody is billed twice. */
export async function billAllDue(scheduler: ShopScheduler): Promise<void> {
  while ((await billSome(scheduler)) === BILLED_AT_ONCE);
}

async function billSome(scheduler: ShopScheduler): Promise<number> {
  const { value } = await scheduler.transaction((tx) => {
    const due = tx.all<Subscription>(
      "select id, email, amount_cents, invoices from subscription where due_at <= ? order by due_at limit ?",
      Date.now(),
      BILLED_AT_ONCE,
    );
    for (const { id, email, amount_cents: amountCents, invoices } of due) {
      const invoiceId = `${id}-${invoices + 1}`;
      tx.run(
        "update subscription set invoices = invoices + 1, due_at = due_at + ? where id = ?",
        PERIOD_MS,
        id,
      );
      tx.run(
        "insert into invoice (id, subscription_id, amount_cents) values (?, ?, ?)",
        invoiceId,
        id,
        amountCents,
      );
      tx.enqueue(
        sendInvoice,
        { invoiceId, email, amountCents },
        { taskId: `invoice:${invoiceId}`, referenceId: id },
      );
    }
    return due.length;
  });
  return value;
}
