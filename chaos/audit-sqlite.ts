// The audit of a SQLite file: triggers as on Postgres, in the order in which the one writer wrote, with a mark at each commit.
import type { AuditEntry } from "../checker/history.ts";
import type { Connection } from "../src/store/sqlite/connection.ts";
import { COMMIT } from "../src/store/sqlite/connection-statements.ts";
import { loadDriver, type RawHandle } from "../src/store/sqlite/driver.ts";
import { type AuditRow, auditEntries } from "./audit-rows.ts";

const auditTable = `
create table if not exists chaos_audit (
  number integer primary key autoincrement,
  at_ms real not null default (unixepoch('subsec') * 1000),
  kind text not null,
  subject text not null,
  details text,
  before text
) strict;`;

/** Kind of the row that ends the rows of a commit. */
const MARK = "commit";

/**
 * Says that the rows above it are those of one commit; nothing when there are none. SQLite has no name for a
 * transaction which a trigger could write down, so whoever commits says so, in the transaction itself.
 */
const markCommit = `insert into chaos_audit (kind, subject)
select '${MARK}', ''
where (select kind from chaos_audit order by number desc limit 1) <> '${MARK}'`;

const image = (row: string): string => `json_object(
      'dueAtMs', ${row}.next_attempt_at,
      'failedAttempts', ${row}.failed_attempts,
      'lostAttempts', ${row}.lost_attempts,
      'deferredAttempts', ${row}.deferred_attempts,
      'generation', ${row}.generation,
      'owner', cast(${row}.owner as text),
      'claim', ${row}.claim
    )`;

const settled = (row: string): string =>
  `json_object('state', ${row}.state, 'generation', ${row}.generation, 'reason', ${row}.failure_reason)`;

const note = (kind: string, subject: string, details = "null", before = "null"): string =>
  `insert into chaos_audit (kind, subject, details, before)
    values ('${kind}', cast(${subject} as text), ${details}, ${before});`;

/** What each table tells, by operation. A task is updated only to erase its data. */
const bodies: Readonly<Record<string, Readonly<Partial<Record<"insert" | "update" | "delete", string>>>>> = {
  owed_task: {
    insert: note("task.insert", "new.id", "json_object('taskId', new.task_id, 'type', new.type)"),
    delete: note("task.delete", "old.id"),
  },
  owed_pending: {
    insert: note("pending.insert", "new.id", image("new")),
    update: note("pending.update", "new.id", image("new"), image("old")),
    delete: note("pending.delete", "old.id", image("old")),
  },
  owed_settled: {
    insert: note("settled.insert", "new.id", settled("new")),
    update:
      note("settled.delete", "old.id", settled("old")) + note("settled.insert", "new.id", settled("new")),
    delete: note("settled.delete", "old.id", settled("old")),
  },
  owed_process: {
    insert: note("process.insert", "new.owner"),
    update: note("process.beat", "new.owner"),
    delete: note("process.delete", "old.owner"),
  },
};

/** Installs the audit in a file that has been migrated and holds no tasks yet. */
export function installSqliteAudit(connection: Connection): void {
  const triggers = Object.entries(bodies).flatMap(([table, body]) =>
    Object.entries(body).map(
      ([operation, text]) =>
        `create trigger chaos_${table}_${operation} after ${operation} on ${table} begin ${text} end;`,
    ),
  );
  connection.exec([auditTable, ...triggers].join("\n"));
}

type Exec = (this: RawHandle, sql: string) => unknown;

/** From now on every connection of this process marks its commits. All its files must have the audit. */
export function markCommits(): void {
  const handle = loadDriver(undefined).open(":memory:");
  const shared = Object.getPrototypeOf(handle) as { exec: Exec }; // of all connections of this binding
  handle.close();
  const { exec } = shared;
  shared.exec = function (sql) {
    if (sql === COMMIT) exec.call(this, markCommit);
    return exec.call(this, sql);
  };
}

/** Commits what the rig itself has written. */
export function commitMarked(connection: Connection): void {
  connection.exec(markCommit);
  connection.exec(COMMIT);
}

interface StoredRow extends Omit<AuditRow, "commit" | "details" | "before"> {
  readonly details: string | null;
  readonly before: string | null;
}

/** Reads the audit in the order of the commits: that of the rows, since a file has one writer at a time. */
export function readSqliteAudit(connection: Connection): readonly AuditEntry[] {
  const stored = connection.all<StoredRow>(
    "select at_ms as atMs, kind, subject, details, before from chaos_audit order by number",
  );
  const rows: AuditRow[] = [];
  let commit = 1;
  for (const { details, before, ...row } of stored) {
    if (row.kind === MARK) commit += 1;
    else rows.push({ ...row, commit, details: parsed(details), before: parsed(before) });
  }
  return auditEntries(rows);
}

function parsed(json: string | null): AuditRow["details"] {
  return json === null ? null : (JSON.parse(json) as AuditRow["details"]); // the triggers write objects
}
