/** `owed/prisma`: interactive transactions of Prisma on Postgres. */
import type { PostgresTransactions } from "../store/postgres/index.ts";
import { assertOpen, callerObject } from "./caller-object.ts";
import { type CollectingScheduler, type CommittedWork, committedWork } from "./committed-work.ts";

/** The `tx` of `prisma.$transaction(async (tx) => ...)`; a `PrismaClient` can connect. */
export interface PrismaTransaction {
  $queryRawUnsafe(text: string, ...values: (string | null)[]): PromiseLike<unknown>;
  readonly $connect?: never;
}

/** A `PrismaClient`, as far as a transaction needs it. */
export interface PrismaDatabase<Transaction, Options> {
  $transaction<Value>(work: (tx: Transaction) => Promise<Value>, options?: Options): Promise<Value>;
}

const REMEDY = "pass the tx that prisma.$transaction(async (tx) => ...) hands to its callback";

/** For `transactions` of `postgresStore`. Prisma itself refuses a tx that has ended. */
export function prismaTransactions(): PostgresTransactions<PrismaTransaction> {
  return {
    assertTransaction(candidate): asserts candidate is PrismaTransaction {
      const { $queryRawUnsafe, $connect } = callerObject(candidate, REMEDY);
      assertOpen(typeof $queryRawUnsafe === "function", "this has no function for SQL", REMEDY);
      assertOpen($connect === undefined, "this is outside a transaction", REMEDY);
    },
    // Rows of a raw query are all it can answer.
    rows: async (tx, text, values) => (await tx.$queryRawUnsafe(text, ...values)) as readonly unknown[],
  };
}

/**
 * Runs `work` in `prisma.$transaction(..., options)` and starts the fast path after the commit. Rejects with what the
 * library rejects with.
 */
export function transaction<Transaction extends PrismaTransaction, Options, Value>(
  scheduler: CollectingScheduler,
  prisma: PrismaDatabase<Transaction, Options>,
  work: (tx: Transaction) => Promise<Value>,
  options?: Options,
): Promise<CommittedWork<Value>> {
  return committedWork<Transaction, Value>(scheduler, (run) => prisma.$transaction(run, options), work);
}
