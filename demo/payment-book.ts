/** The payment book: the service's own table, and the scheduler beside it on the same database. */
import { type BoundExecutor, binaryExponential, type Scheduler, type Store } from "owed";
import { plan } from "./plan.ts";
import type { Payment } from "./tasks.ts";

/** Where the demo's database is. */
export type DatabaseLocation =
  | { readonly kind: "sqlite"; readonly file: string }
  | { readonly kind: "postgres"; readonly connectionString: string };

/** What a payment book can do, whatever database it is on. */
export interface PaymentBook {
  readonly scheduler: Pick<Scheduler, "start" | "startWorker" | "stop" | "get" | "list">;
  readonly store: Pick<Store, "balance" | "statistics">;
  /** Creates the table of payments if it is missing. */
  createTable(): Promise<void>;
  /**
   * Commits the payment together with its two tasks; answers false when it stood already, and then changes nothing.
   * `onCommitting` is called in a transaction that has something to commit, right before it is committed.
   */
  pay(payment: Payment, onCommitting: () => void): Promise<boolean>;
  /** The ids of all committed payments, read from their table. */
  paymentIds(): Promise<readonly string[]>;
}

/** What the schedulers of the demo have in common: everything but lease and backoff is the default. */
export function schedulerOptions(executors: readonly BoundExecutor[]): {
  readonly executors: readonly BoundExecutor[];
  readonly leaseMs: number;
  readonly backoff: ReturnType<typeof binaryExponential>;
} {
  return { executors, leaseMs: plan.leaseMs, backoff: binaryExponential(plan.backoff) };
}

/** Opens the book; only the driver of the chosen database is loaded. Without executors it is for reading. */
export async function openPaymentBook(
  location: DatabaseLocation,
  executors: readonly BoundExecutor[] = [],
): Promise<PaymentBook> {
  if (location.kind === "sqlite") {
    const { sqlitePaymentBook } = await import("./sqlite-payment-book.ts");
    return sqlitePaymentBook(location.file, executors);
  }
  const { postgresPaymentBook } = await import("./postgres-payment-book.ts");
  return postgresPaymentBook(location.connectionString, executors);
}
