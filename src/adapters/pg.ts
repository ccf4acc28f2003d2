/** `owed/pg`: transactions of `pg` on a pool of yours. `scheduler.transaction` does the same on the store's. */
import type pg from "pg";
import { TransactionRolledBackError } from "../errors.ts";
import { type CollectingScheduler, type CommittedWork, committedWork } from "./committed-work.ts";

export { pgTransactions } from "../store/postgres/index.ts";

/** How to begin. */
export interface PgTransactionOptions {
  /** Default: what the connection is set to. */
  readonly isolationLevel?: "read committed" | "repeatable read" | "serializable";
}

/**
 * Runs `work` in a transaction on a client of the pool, commits it, and starts the fast path. Rejects with what `work`
 * threw, after a rollback; with TransactionRolledBackError when COMMIT was answered with ROLLBACK; with the error of
 * `pg` when it was not answered. A client that could not even be rolled back is destroyed.
 */
export async function transaction<Value>(
  scheduler: CollectingScheduler,
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<Value>,
  { isolationLevel }: PgTransactionOptions = {},
): Promise<CommittedWork<Value>> {
  const client = await pool.connect();
  const ignore = (): void => undefined; // statements report it; unheard, it would end the process
  client.on("error", ignore);
  let isWhole = false;
  try {
    const begin = isolationLevel === undefined ? "begin" : `begin isolation level ${isolationLevel}`;
    const done = await committedWork<pg.PoolClient, Value>(
      scheduler,
      (run) => committed(client, begin, run),
      work,
    );
    isWhole = true;
    return done;
  } catch (error) {
    isWhole = await client.query("rollback").then(
      () => true,
      () => false,
    );
    throw error;
  } finally {
    client.release(!isWhole);
    if (isWhole) client.off("error", ignore);
  }
}

async function committed(
  client: pg.PoolClient,
  begin: string,
  run: (client: pg.PoolClient) => Promise<unknown>,
): Promise<void> {
  await client.query(begin);
  await run(client);
  const { command } = await client.query("commit");
  if (command === "COMMIT") return;
  throw new TransactionRolledBackError(
    `COMMIT was answered with ${command}: an earlier statement of the transaction failed, nothing was written`,
  );
}
