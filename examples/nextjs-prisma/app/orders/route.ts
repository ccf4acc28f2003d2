// POST /orders.
import { randomUUID } from "node:crypto";
import { transaction } from "owed/prisma";
import { z } from "zod";
import type { Prisma } from "../../generated/client";
import { sendReceipt } from "../../server/send-receipt";
import { shop } from "../../server/shop";

const newOrder = z.object({ email: z.email(), amountCents: z.int().positive() });

/** The order and the receipt that is owed for it are committed together, or not at all. */
export async function POST(request: Request): Promise<Response> {
  const { data, error } = newOrder.safeParse(await request.json().catch(() => undefined));
  if (error) return Response.json({ problems: error.issues }, { status: 400 });
  const { prisma, scheduler } = shop();
  const orderId = randomUUID();
  await transaction(scheduler, prisma, async (tx: Prisma.TransactionClient) => {
    await tx.order.create({ data: { id: orderId, ...data } });
    await scheduler.enqueue(
      tx,
      sendReceipt,
      { orderId, ...data },
      { taskId: `receipt:${orderId}`, referenceId: orderId },
    );
  });
  return Response.json({ orderId }, { status: 201 });
}
