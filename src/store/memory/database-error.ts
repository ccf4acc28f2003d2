/** Errors in which this store plays the database: they bear the codes of Postgres, and pass through the library untouched. */

/** What can go wrong with a caller's transaction: its code, and what it says. */
const problems = {
  "40001": "could not serialize access due to a concurrent transaction: run the whole transaction again",
  "40P01": "deadlock detected, this transaction was chosen to end it: run the whole transaction again",
  "25P02": "the transaction is aborted by an earlier error: roll it back, or back to a savepoint",
  "3B001": "the savepoint does not exist any more: it was released, or rolled back to an earlier one",
} as const;

/** An error of the database that the memory store stands for. */
export function databaseError(code: keyof typeof problems): Error & { readonly code: string } {
  return Object.assign(new Error(problems[code]), { code });
}
