// What the shop owes for each order: a receipt by mail, sent through the HTTP API of a mail provider.
import { defineTask, executor, PermanentError } from "owed";
import { z } from "zod";

/** Committed together with its order. */
export const sendReceipt = defineTask({
  type: "receipt.send",
  data: z.object({ orderId: z.string(), email: z.string(), amountCents: z.number() }),
});

/** Sends it. A task may run more than once, so the provider is given its id as the idempotency key. */
export function receiptExecutor(mailerUrl: string) {
  return executor(sendReceipt, { timeoutMs: 10_000 }, async ({ data, taskId, signal }) => {
    const answer = await fetch(mailerUrl, {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": taskId },
      body: JSON.stringify({ to: data.email, subject: `Receipt for order ${data.orderId}` }),
      signal,
    });
    await answer.body?.cancel(); // the status is all that counts; this frees the connection
    if (answer.status === 422) throw new PermanentError(`the mail provider refuses ${data.email}`);
    if (!answer.ok) throw new Error(`the mail provider answered ${answer.status}`);
  });
}
