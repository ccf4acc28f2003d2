/** What the payment service owes for each payment: the two types of task, and their code. */
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type BoundExecutor, defineTask, executor, type RecordedError, type TaskDefinition } from "owed";
import { plan } from "./plan.ts";

/** A payment, as it is posted, kept, and told to the merchant. */
export interface Payment {
  readonly paymentId: string;
  readonly amountCents: number;
}

/** Tell the merchant. */
export const deliverWebhook: TaskDefinition<Payment, Payment> = defineTask<Payment>({
  type: "webhook.deliver",
});

/** Write the receipt. */
export const writeReceipt: TaskDefinition<Payment, Payment> = defineTask<Payment>({ type: "receipt.write" });

/** The ids follow from the payment, so that they can be found again, and enqueued twice without harm. */
export const webhookTaskId = (paymentId: string): string => `webhook:${paymentId}`;

/** As above. */
export const receiptTaskId = (paymentId: string): string => `receipt:${paymentId}`;

const MERCHANT_ANSWERED = "the merchant answered";

/** Whether an attempt failed by the merchant's own word, so that it certainly delivered nothing. */
export function isMerchantsAnswer(error: RecordedError | null): boolean {
  return error?.message.startsWith(MERCHANT_ANSWERED) === true;
}

/** Where the executors do their work. */
export interface Outside {
  readonly merchantUrl: string;
  readonly receiptsFolder: string;
}

/** The code of both types, idempotent under the taskId: the merchant is given it as key, the receipt is one file. */
export function paymentExecutors({ merchantUrl, receiptsFolder }: Outside): readonly BoundExecutor[] {
  return [
    executor(deliverWebhook, { timeoutMs: plan.webhookTimeoutMs }, async ({ data, taskId, signal }) => {
      const reply = await fetch(merchantUrl, {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": taskId },
        body: JSON.stringify(data),
        signal,
      });
      await reply.arrayBuffer();
      if (!reply.ok) throw new Error(`${MERCHANT_ANSWERED} ${reply.status}`);
    }),
    executor(writeReceipt, async ({ data }) => {
      const file = join(receiptsFolder, `${data.paymentId}.txt`);
      const text = `Received for payment ${data.paymentId}: ${(data.amountCents / 100).toFixed(2)}\n`;
      // Whole or absent, whenever the process dies.
      await writeFile(`${file}.unfinished`, text);
      await rename(`${file}.unfinished`, file);
    }),
  ];
}
