/** What an error of our own statements means. Errors in a caller's transaction never come here. */
import {
  type OwedError,
  SchemaMissingError,
  StoreRefusedError,
  StoreUnavailableError,
} from "../../errors.ts";

/** The SQLSTATE of an error the server sent; null for anything that happened on the way. */
function sqlState(error: unknown): string | null {
  if (typeof error !== "object" || error === null || !("code" in error)) return null;
  // Socket errors have codes as well (ECONNRESET, EPIPE), but never of this shape together with a severity.
  const isFromServer =
    "severity" in error && typeof error.code === "string" && /^[0-9A-Z]{5}$/.test(error.code);
  return isFromServer ? (error.code as string) : null;
}

/** True when the connection must not be used again: nothing proves in which state it is. */
export function breaksConnection(error: unknown): boolean {
  const state = sqlState(error);
  if (state === null) return true;
  return ["08", "25", "57", "58", "XX"].includes(state.slice(0, 2));
}

/** True when the server may have carried the statement out all the same. */
export function isOutcomeUnknown(error: unknown): boolean {
  const state = sqlState(error);
  if (state === null) return true;
  return state.startsWith("08") || state.startsWith("57P") || state === "40003";
}

/** True for one of our own errors that was caused by a lock which was not granted in time. */
export function isLockTimeout(error: unknown): boolean {
  return error instanceof StoreUnavailableError && sqlState(error.cause) === "55P03";
}

const missing: ReadonlySet<string> = new Set(["42P01", "3F000", "42883", "42703"]);

const problems: Readonly<Record<string, string>> = {
  "08": "the connection failed",
  "25": "the database is read-only",
  "28": "the database refused the login",
  "40": "the statement lost against another one",
  "42": "the database does not allow the statement",
  "53": "the database is out of space, memory or connections",
  "55": "a lock was not granted in time",
  "57": "the database stopped the statement",
};

/**
 * Translates an error of a statement of our own. The message names the SQLSTATE and never repeats what the server said:
 * that can hold values. The original is the `cause`.
 */
export function translated(error: unknown): OwedError {
  const state = sqlState(error);
  if (state === null) {
    return new StoreUnavailableError("the connection to Postgres was lost, or it did not answer in time", {
      cause: error,
      outcomeUnknown: true,
    });
  }
  if (state.startsWith("22") || state.startsWith("23")) {
    return new StoreRefusedError(`Postgres refused a value (SQLSTATE ${state})`, { cause: error });
  }
  if (missing.has(state)) {
    return new SchemaMissingError(
      `the tables of this library are missing or older than it (SQLSTATE ${state}): let start() migrate, or apply the SQL of migrationSql()`,
      { cause: error },
    );
  }
  const problem = problems[state.slice(0, 2)] ?? "Postgres failed";
  return new StoreUnavailableError(`${problem} (SQLSTATE ${state})`, {
    cause: error,
    outcomeUnknown: isOutcomeUnknown(error),
  });
}
