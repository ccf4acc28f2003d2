// The scheduler: it owes tasks in transactions of pg, and executes them in this process.
import { Scheduler } from "owed";
import { postgresStore } from "owed/postgres";
import type pg from "pg";
import { receiptExecutor } from "./receipts.ts";

/** Makes it; nothing is started. */
export function createScheduler(pool: pg.Pool, mailerUrl: string) {
  return new Scheduler({
    store: postgresStore({ pool }),
    executors: [receiptExecutor(mailerUrl)],
    logger: console,
  });
}

/** The scheduler with the type of its transactions. */
export type ShopScheduler = ReturnType<typeof createScheduler>;
