// The server of the shop: its plugin of the scheduler, and its routes.
import { randomUUID } from "node:crypto";
import { drizzle } from "drizzle-orm/node-postgres";
import { migrate } from "drizzle-orm/node-postgres/migrator";
import fastify, { type FastifyInstance } from "fastify";
import { transaction } from "owed/drizzle";
import pg from "pg";
import { healthOf } from "./health.ts";
import { sendReceipt } from "./receipts.ts";
import { createScheduler } from "./scheduler.ts";
import { orders } from "./schema.ts";

/** Where the database and the mail provider are. */
export interface Surroundings {
  readonly databaseUrl: string;
  readonly mailerUrl: string;
}

/** Makes it. Its `ready` starts the scheduler; its `close` ends requests first, then what is owed and runs, then the pool. */
export function createApp({ databaseUrl, mailerUrl }: Surroundings): FastifyInstance {
  const app = fastify({ logger: true });
  const pool = new pg.Pool({ connectionString: databaseUrl });
  pool.on("error", (error) => app.log.error(error, "an idle connection was lost"));
  const db = drizzle(pool);
  const scheduler = createScheduler(pool, mailerUrl, app.log);

  app.addHook("onReady", async () => {
    await migrate(db, { migrationsFolder: "migrations" });
    await scheduler.start(); // makes the tables of owed, and registers this process
    scheduler.startWorker(); // retries, and takes over what other processes leave behind
  });
  app.addHook("onClose", async () => {
    await scheduler.stop({ graceMs: 10_000 });
    await pool.end();
  });

  app.post<{ Body: NewOrder }>("/orders", { schema: { body: newOrder } }, async (request, reply) => {
    const { email, amountCents } = request.body;
    const orderId = randomUUID();
    // The order and the receipt that is owed for it are committed together, or not at all.
    await transaction(scheduler, db, async (tx) => {
      await tx.insert(orders).values({ id: orderId, email, amountCents });
      await scheduler.enqueue(
        tx,
        sendReceipt,
        { orderId, email, amountCents },
        { taskId: `receipt:${orderId}`, referenceId: orderId },
      );
    });
    return reply.code(201).send({ orderId });
  });

  app.get("/health", async (_request, reply) => {
    const health = await healthOf(scheduler);
    return reply.code(health.isHealthy ? 200 : 503).send(health);
  });

  return app;
}

interface NewOrder {
  readonly email: string;
  readonly amountCents: number;
}

const newOrder = {
  type: "object",
  required: ["email", "amountCents"],
  properties: {
    email: { type: "string", format: "email" },
    amountCents: { type: "integer", exclusiveMinimum: 0 },
  },
} as const;
