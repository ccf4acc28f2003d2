/** Statements about connections and transactions, not about tasks. */

/** Opens a transaction that takes its lock when it first needs one. For reading, and to probe for an open one. */
export const BEGIN = "begin deferred";

/**
 * Opens a transaction that writes. A deferred one that writes after another connection did fails at once with
 * SQLITE_BUSY_SNAPSHOT, whatever the busy timeout (H36).
 */
export const BEGIN_IMMEDIATE = "begin immediate";

/** Makes a transaction last. */
export const COMMIT = "commit";

/** Undoes a transaction. */
export const ROLLBACK = "rollback";

/** A blocking wait inside the event loop would stop the very transaction it waits for. */
export const NEVER_BLOCK = "pragma busy_timeout = 0";

/** Answers the mode that is in force then: `wal`, or another where the file system has no shared memory. */
export const USE_WAL = "pragma journal_mode = wal";

/** A commit is on disk before it is answered. */
export const SYNC_FULL = "pragma synchronous = full";

/** A commit survives the process but perhaps not the machine. For claims and heartbeats, which die with it anyhow. */
export const SYNC_NORMAL = "pragma synchronous = normal";

/** The version of SQLite that the driver brings. */
export const READ_VERSION = "select sqlite_version() as version";

/** 0 off, 1 normal, 2 full, 3 extra. */
export const readSynchronous = "pragma synchronous";

/** `wal`, or what the file system allows. */
export const readJournalMode = "pragma journal_mode";

/** Whether what is deleted is overwritten: 0 off, 1 on, 2 only where that costs no further page. */
export const readSecureDelete = "pragma secure_delete";

/** Sets it, by the number that reading it answers. */
export const setSecureDelete: readonly string[] = Object.freeze([
  "pragma secure_delete = off",
  "pragma secure_delete = on",
  "pragma secure_delete = fast",
]);

/** Files of a connection; the first is its own, the others are attached. */
export const readFiles = "pragma database_list";

/** The database's clock in milliseconds since 1970. */
export const readNow = "select cast(round(unixepoch('subsec') * 1000) as integer) as now";

/** Around the statements of one call on a user's transaction, so that they happen all or not at all. */
export const callSavepoint = {
  set: "savepoint owed_call",
  rollback: "rollback to owed_call",
  release: "release owed_call",
} as const;

/** A savepoint that is handed out; `number` is unique in the store. */
export function numberedSavepoint(number: number): {
  readonly set: string;
  readonly rollback: string;
  readonly release: string;
} {
  const name = `owed_savepoint_${Math.trunc(number)}`;
  return { set: `savepoint ${name}`, rollback: `rollback to ${name}`, release: `release ${name}` };
}
