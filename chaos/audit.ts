// The database's own truth: triggers write every change of a row to an audit, which is read back in commit order.
import type pg from "pg";
import type { AuditEntry } from "../checker/history.ts";
import { quoteIdentifier } from "../src/store/postgres/identifier.ts";
import { type AuditRow, auditEntries } from "./audit-rows.ts";

/** Settings of a server that can be audited: the order of commits is told by their timestamps. */
export const auditSettings: Readonly<Record<string, string>> = Object.freeze({
  track_commit_timestamp: "on",
});

const image = (row: string): string => `pg_catalog.jsonb_build_object(
      'dueAtMs', pg_catalog.date_part('epoch', ${row}.next_attempt_at) * 1000,
      'failedAttempts', coalesce(${row}.failed_attempts, 0),
      'lostAttempts', ${row}.lost_attempts,
      'deferredAttempts', coalesce(${row}.deferred_attempts, 0),
      'generation', ${row}.generation,
      'owner', cast(${row}.owner as text),
      'claim', ${row}.claim
    )`;

const note = (kind: string, subject: string, details = "null", before = "null"): string =>
  `insert into chaos.audit (kind, subject, details, before) values ('${kind}', ${subject}, ${details}, ${before});`;

const settled = (row: string): string =>
  `pg_catalog.jsonb_build_object('state', ${row}.state, 'generation', ${row}.generation, 'reason', ${row}.reason)`;

const confirmed = (kind: string, row: string, condition: string): string => `
    insert into chaos.audit (kind, subject, details)
    select '${kind}', cast(u.id as text),
      pg_catalog.jsonb_build_object('state', 'confirmed', 'generation', coalesce(${row}.generations[u.place], 1))
    from unnest(${row}.ids) with ordinality as u (id, place)
    where ${condition};`;

/** What each table tells, by operation. */
const bodies: Readonly<Record<string, Readonly<Record<"insert" | "update" | "delete", string>>>> = {
  task: {
    insert: note(
      "task.insert",
      "cast(new.id as text)",
      "pg_catalog.jsonb_build_object('taskId', new.task_id, 'type', new.type)",
    ),
    update: "null;",
    delete: note("task.delete", "cast(old.id as text)"),
  },
  pending: {
    insert: note("pending.insert", "cast(new.id as text)", image("new")),
    update: note("pending.update", "cast(new.id as text)", image("new"), image("old")),
    delete: note("pending.delete", "cast(old.id as text)", image("old")),
  },
  settled: {
    insert: note("settled.insert", "cast(new.id as text)", settled("new")),
    update: "null;",
    delete: note("settled.delete", "cast(old.id as text)", settled("old")),
  },
  confirmed: {
    insert: confirmed("settled.insert", "new", "true"),
    update: confirmed("settled.delete", "old", "u.id <> all (new.ids)"),
    delete: confirmed("settled.delete", "old", "true"),
  },
  process: {
    insert: note("process.insert", "cast(new.owner as text)"),
    update: note("process.beat", "cast(new.owner as text)"),
    delete: note("process.delete", "cast(old.owner as text)"),
  },
};

const auditTable = `
create schema if not exists chaos;
create table if not exists chaos.audit (
  number bigint generated always as identity primary key,
  transaction xid8 not null default pg_catalog.pg_current_xact_id(),
  at_ms double precision not null default pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()) * 1000,
  kind text not null,
  subject text not null,
  details jsonb,
  before jsonb
);`;

/** Installs the audit on a schema that has been migrated and holds no tasks yet. */
export async function installAudit(admin: pg.Client, schema: string): Promise<void> {
  const statements = [auditTable];
  for (const [table, body] of Object.entries(bodies)) {
    const name = `chaos.${quoteIdentifier(`audit_${table}`)}`;
    statements.push(`
      create or replace function ${name}() returns trigger language plpgsql as $audit$
      begin
        if tg_op = 'INSERT' then ${body.insert}
        elsif tg_op = 'UPDATE' then ${body.update}
        else ${body.delete}
        end if;
        return null;
      end
      $audit$;
      create or replace trigger chaos_audit after insert or update or delete
        on ${quoteIdentifier(schema)}.${quoteIdentifier(table)} for each row execute function ${name}();`);
  }
  await admin.query(statements.join("\n"));
}

interface StoredRow extends Omit<AuditRow, "commit" | "atMs"> {
  readonly transaction: string;
  readonly at_ms: number;
  readonly committed_at: Date | null;
}

/**
 * Reads the audit in the order of the commits, which their timestamps tell. The server takes the timestamp before it
 * makes a commit visible and before it lets go of its locks: whoever saw a commit, or waited for one, has a later
 * timestamp. Two of one microsecond cannot have done either, so their order means nothing. Only a clock of the server
 * that steps back would break this; no scenario steps it, since clocks are faked for clients and workers alone. Throws
 * when a commit has no timestamp.
 */
export async function readAudit(admin: pg.Client): Promise<readonly AuditEntry[]> {
  const { rows } = await admin.query<StoredRow>(`
    select cast(a.transaction as text) as transaction, a.at_ms, a.kind, a.subject, a.details, a.before, c.committed_at
    from chaos.audit a, pg_xact_commit_timestamp(cast(a.transaction as xid)) as c (committed_at)
    order by c.committed_at, a.transaction, a.number`);
  if (rows.some(({ committed_at }) => committed_at === null)) throw new Error("a commit has no timestamp");
  return auditEntries(
    rows.map(({ transaction, at_ms, ...row }) => ({
      ...row,
      commit: transaction,
      atMs: at_ms,
    })),
  );
}
