// The routes of the shop.
import { randomUUID } from "node:crypto";
import { Hono } from "hono";
import type { Kysely } from "kysely";
import { transaction } from "owed/kysely";
import { z } from "zod";
import type { ShopTables } from "./database.ts";
import { healthOf } from "./health.ts";
import { sendReceipt } from "./receipts.ts";
import type { ShopScheduler } from "./scheduler.ts";

const newOrder = z.object({ email: z.email(), amountCents: z.int().positive() });

/** The application; it listens nowhere yet. */
export function createApp(db: Kysely<ShopTables>, scheduler: ShopScheduler) {
  const app = new Hono();

  app.post("/orders", async (context) => {
    const { data, error } = newOrder.safeParse(await context.req.json().catch(() => undefined));
    if (error) return context.json({ problems: error.issues }, 400);
    const orderId = randomUUID();
    // The order and the receipt that is owed for it are committed together, or not at all.
    await transaction(scheduler, db, async (trx) => {
      await trx
        .insertInto("orders")
        .values({ id: orderId, email: data.email, amount_cents: data.amountCents })
        .execute();
      await scheduler.enqueue(
        trx,
        sendReceipt,
        { orderId, ...data },
        { taskId: `receipt:${orderId}`, referenceId: orderId },
      );
    });
    return context.json({ orderId }, 201);
  });

  app.get("/health", async (context) => {
    const health = await healthOf(scheduler);
    return context.json(health, health.isHealthy ? 200 : 503);
  });

  return app;
}
