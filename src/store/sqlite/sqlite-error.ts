/** Errors of SQLite in the words of this library. */
import {
  InvalidInputError,
  OwedError,
  SchemaMissingError,
  StoreRefusedError,
  StoreUnavailableError,
} from "../../errors.ts";

/** SQLite's primary result codes, as far as they are told apart here. */
const codes: ReadonlyMap<number, string> = new Map([
  [1, "ERROR"],
  [3, "PERM"],
  [5, "BUSY"],
  [6, "LOCKED"],
  [7, "NOMEM"],
  [8, "READONLY"],
  [9, "INTERRUPT"],
  [10, "IOERR"],
  [11, "CORRUPT"],
  [13, "FULL"],
  [14, "CANTOPEN"],
  [15, "PROTOCOL"],
  [17, "SCHEMA"],
  [18, "TOOBIG"],
  [19, "CONSTRAINT"],
  [20, "MISMATCH"],
  [22, "NOLFS"],
  [23, "AUTH"],
  [25, "RANGE"],
  [26, "NOTADB"],
]);

const unavailable: ReadonlyMap<string, string> = new Map([
  ["BUSY", "the database is locked by another connection: try again, and keep write transactions short"],
  ["LOCKED", "a table is locked by another statement of this process: try again"],
  ["NOMEM", "SQLite ran out of memory"],
  ["READONLY", "the database is read-only: give this process the right to write the file and its folder"],
  ["PERM", "the database may not be accessed: give this process the right to read and write the file"],
  ["INTERRUPT", "the statement was interrupted"],
  ["IOERR", "reading or writing the database file failed: look at the disk and the file system"],
  ["CORRUPT", "the database file is damaged: stop writing to it and restore a backup"],
  ["FULL", "the disk is full: free space, nothing was written"],
  [
    "CANTOPEN",
    "the database file cannot be opened: look at its path, and at the rights of the file and its folder",
  ],
  ["PROTOCOL", "the locks of the database file could not be had: is it on a network file system?"],
  ["NOLFS", "the file system has no large files"],
  ["AUTH", "the connection's authorizer refused the statement"],
]);

/** Name of the primary result code, without its prefix (`BUSY` also for BUSY_SNAPSHOT); null for other errors. */
export function sqliteCodeOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  const { code, errcode } = error as { readonly code?: unknown; readonly errcode?: unknown };
  if (code === "ERR_SQLITE_ERROR" && typeof errcode === "number") return codes.get(errcode & 0xff) ?? "ERROR";
  if (typeof code === "string" && code.startsWith("SQLITE_")) return code.split("_")[1] ?? null;
  return null;
}

/** True when trying again later can help. */
export function isBusy(error: unknown): boolean {
  const code = sqliteCodeOf(error);
  return code === "BUSY" || code === "LOCKED" || code === "PROTOCOL";
}

/** The error to throw for one of the binding; others, and our own, come back as they are. */
export function storeErrorOf(error: unknown, outcomeUnknown = false): unknown {
  if (error instanceof OwedError || !(error instanceof Error)) return error;
  const code = sqliteCodeOf(error);
  if (code === null) return storeErrorOfBinding(error);
  if (code === "NOTADB") {
    return new InvalidInputError(
      "file",
      "is not a SQLite database",
      "name another file, or move this one away",
    );
  }
  const { message } = error;
  if (code === "ERROR" && /no such (?:table|column|index): "?\w*\.?"?owed_/.test(message)) {
    return new SchemaMissingError(
      `${message}: the tables of this library are missing, let start() migrate, or call store.migrate()`,
      { cause: error },
    );
  }
  const problem = unavailable.get(code);
  if (problem !== undefined) {
    return new StoreUnavailableError(`${problem} (${message})`, { cause: error, outcomeUnknown });
  }
  return new StoreRefusedError(`SQLite refused a statement: ${message}`, { cause: error });
}

/** Bindings throw plain errors for values that are too large and for connections that are closed. */
function storeErrorOfBinding(error: Error): unknown {
  if (error instanceof RangeError) {
    return new StoreRefusedError(`a value is too large for SQLite: ${error.message}`, { cause: error });
  }
  if (/database (?:connection )?is not open/i.test(error.message)) {
    return new StoreUnavailableError("the connection to the database is closed", {
      cause: error,
      outcomeUnknown: false,
    });
  }
  return error;
}
