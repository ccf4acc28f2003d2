// What a subscription owes its subscriber each month: an invoice by mail, sent through the HTTP API of a mail provider.
import { defineTask, executor, PermanentError } from "owed";

/** Committed together with the row of the invoice. */
export const sendInvoice = defineTask<{ invoiceId: string; email: string; amountCents: number }>({
  type: "invoice.send",
});

/** Sends it. A task may run more than once, so the provider is given its id as the idempotency key. */
export function invoiceExecutor(mailerUrl: string) {
  return executor(sendInvoice, { timeoutMs: 10_000 }, async ({ data, taskId, signal }) => {
    const answer = await fetch(mailerUrl, {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": taskId },
      body: JSON.stringify({ to: data.email, subject: `Invoice ${data.invoiceId}` }),
      signal,
    });
    await answer.body?.cancel(); // the status is all that counts; this frees the connection
    if (answer.status === 422) throw new PermanentError(`the mail provider refuses ${data.email}`);
    if (!answer.ok) throw new Error(`the mail provider answered ${answer.status}`);
  });
}
