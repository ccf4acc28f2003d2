// The routes of the shop.
import { randomUUID } from "node:crypto";
import express from "express";
import { transaction } from "owed/pg";
import type pg from "pg";
import { z } from "zod";
import { healthOf } from "./health.ts";
import { sendReceipt } from "./receipts.ts";
import type { ShopScheduler } from "./scheduler.ts";

const newOrder = z.object({ email: z.email(), amountCents: z.int().positive() });

/** The application; it listens nowhere yet. */
export function createApp(pool: pg.Pool, scheduler: ShopScheduler) {
  const app = express().use(express.json());

  app.post("/orders", async (request, response) => {
    const { data, error } = newOrder.safeParse(request.body);
    if (error) {
      response.status(400).json({ problems: error.issues });
      return;
    }
    const order = { orderId: randomUUID(), ...data };
    // The order and the receipt that is owed for it are committed together, or not at all.
    await transaction(scheduler, pool, async (client) => {
      await client.query("insert into orders (id, email, amount_cents) values ($1, $2, $3)", [
        order.orderId,
        order.email,
        order.amountCents,
      ]);
      await scheduler.enqueue(client, sendReceipt, order, {
        taskId: `receipt:${order.orderId}`,
        referenceId: order.orderId,
      });
    });
    response.status(201).json({ orderId: order.orderId });
  });

  app.get("/health", async (_request, response) => {
    const health = await healthOf(scheduler);
    response.status(health.isHealthy ? 200 : 503).json(health);
  });

  return app;
}
