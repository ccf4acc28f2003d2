// The scheduler: it owes tasks in transactions of Drizzle, and executes them in this process.
import { type Logger, Scheduler } from "owed";
import { drizzleTransactions } from "owed/drizzle";
import { postgresStore } from "owed/postgres";
import type pg from "pg";
import { receiptExecutor } from "./receipts.ts";

/** Makes it; nothing is started. */
export function createScheduler(pool: pg.Pool, mailerUrl: string, logger: Logger) {
  return new Scheduler({
    store: postgresStore({ pool, transactions: drizzleTransactions() }),
    executors: [receiptExecutor(mailerUrl)],
    logger,
  });
}

/** The scheduler with the type of its transactions. */
export type ShopScheduler = ReturnType<typeof createScheduler>;
