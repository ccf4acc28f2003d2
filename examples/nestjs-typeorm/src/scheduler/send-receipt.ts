// What the shop owes for each order: a receipt by mail.
import { defineTask } from "owed";

/** Committed together with its order. */
export const sendReceipt = defineTask<{ orderId: string; email: string; amountCents: number }>({
  type: "receipt.send",
});
