// What the shop owes for each order: a receipt by mail. The web process enqueues it, the worker executes it.
import { defineTask } from "owed";
import { z } from "zod";

/** Committed together with its order. */
export const sendReceipt = defineTask({
  type: "receipt.send",
  data: z.object({ orderId: z.string(), email: z.string(), amountCents: z.number() }),
});
