/** Statements that look at the health of the database. They read catalogs alone, so that no version of the schema matters. */
import { quoteIdentifier } from "../identifier.ts";
import { inMilliseconds, instantOf, type Statement } from "./statement.ts";

/** What the schema of the known version has, by name, with the end of the statement that makes it anew. */
export const expectedIndexes: ReadonlyMap<string, string> = new Map([
  ["task_pkey", 'alter table "task" add primary key (id)'],
  ["task_task_id_key", 'alter table "task" add unique (task_id)'],
  ["pending_pkey", 'alter table "pending" add primary key (id)'],
  [
    "pending_ready",
    'create index concurrently pending_ready on "pending" (type, next_attempt_at, id) where lost_attempts = 0',
  ],
  [
    "pending_suspect",
    'create index concurrently pending_suspect on "pending" (type, next_attempt_at, id) where lost_attempts > 0',
  ],
  [
    "pending_keyed",
    'create index concurrently pending_keyed on "pending" (type, key, next_attempt_at, id) where lost_attempts = 0 and key is not null',
  ],
  ["settled_pkey", 'alter table "settled" add primary key (id)'],
  ["settled_state", 'create index concurrently settled_state on "settled" (state, id)'],
  ["confirmed_pkey", 'alter table "confirmed" add primary key (bucket, batch)'],
  [
    "confirmed_settled_at",
    'create index concurrently confirmed_settled_at on "confirmed" using brin (settled_at) with (autosummarize = on)',
  ],
  ["attempt_pkey", 'alter table "attempt" add primary key (id, number)'],
  ["counter_pkey", 'alter table "counter" add primary key (name)'],
  ["process_pkey", 'alter table "process" add primary key (owner)'],
  ["act_pkey", 'alter table "act" add primary key (number)'],
  ["act_task", 'create index concurrently act_task on "act" (task_id, number)'],
  ["act_actor", 'create index concurrently act_actor on "act" (actor, number)'],
  ["roll_up_pkey", 'alter table "roll_up" add primary key (minutes, begins_at, type)'],
]);

/** The statement that makes an index anew in `schema`. */
export function indexRemedy(schema: string, statement: string): string {
  return statement.replace(/"(\w+)"/, (quoted) => `${quoteIdentifier(schema)}.${quoted}`);
}

/** Makes an invalid index anew without locking anybody out. */
export const reindexRemedy = (schema: string, index: string): string =>
  `reindex index concurrently ${quoteIdentifier(schema)}.${quoteIdentifier(index)}`;

/** Frees what updates and deletions left behind. */
export const vacuumRemedy = (schema: string, table: string): string =>
  `vacuum (verbose, analyze) ${quoteIdentifier(schema)}.${quoteIdentifier(table)}`;

/** Gives a table back to autovacuum. */
export const autovacuumRemedy = (schema: string, table: string): string =>
  `alter table ${quoteIdentifier(schema)}.${quoteIdentifier(table)} reset (autovacuum_enabled)`;

/** $1 now in ms. Settings as this connection has them. */
export const examineServer: Statement = {
  name: "owed_examine_server",
  text: `with ${instantOf("$1")}
select
  ${inMilliseconds("i.at")} as now_ms,
  current_setting('server_version_num') as version,
  current_setting('server_version') as version_name,
  current_setting('autovacuum') as autovacuum,
  current_setting('plan_cache_mode') as plan_cache_mode
from instant i`,
};

/** $1 schema. The indexes of the schema that may be used. */
export const examineIndexes: Statement = {
  name: "owed_examine_indexes",
  text: `select
  c.relname as name,
  cast(x.indisvalid and x.indisready as text) as usable
from pg_catalog.pg_namespace n
join pg_catalog.pg_class c on c.relnamespace = n.oid
join pg_catalog.pg_index x on x.indexrelid = c.oid
where n.nspname = $1`,
};

/** $1 schema, $2 dead rows that are too many where no vacuum came in the last hour. */
export const examineTables: Statement = {
  name: "owed_examine_tables",
  text: `select
  s.relname as name,
  cast(s.n_dead_tup as text) as dead,
  cast(s.n_live_tup as text) as live,
  cast(coalesce(c.reloptions @> array['autovacuum_enabled=false'], false) as text) as unattended,
  cast(
    s.n_dead_tup >= cast($2 as bigint)
    and coalesce(greatest(s.last_autovacuum, s.last_vacuum), '-infinity') < clock_timestamp() - interval '1 hour'
  as text) as bloated
from pg_catalog.pg_stat_user_tables s
join pg_catalog.pg_class c on c.oid = s.relid
where s.schemaname = $1
order by s.relname`,
};

/** $1 age in seconds. Who keeps vacuum from freeing rows for longer than that: sessions, prepared transactions, slots. */
export const examineSnapshots: Statement = {
  name: "owed_examine_snapshots",
  text: `select
  concat('the session with pid ', a.pid, ' (', coalesce(nullif(a.application_name, ''), 'no application name'), ', ',
    a.state, ')') as holder,
  cast(floor(extract(epoch from clock_timestamp() - a.xact_start)) as text) as seconds,
  concat('select pg_terminate_backend(', a.pid, ')') as ending
from pg_catalog.pg_stat_activity a
where a.datname = current_database()
  and a.xact_start < clock_timestamp() - cast($1 as double precision) * interval '1 second'
  and a.pid <> pg_backend_pid()
  and a.backend_type = 'client backend'
union all
select
  concat('the prepared transaction "', p.gid, '"'),
  cast(floor(extract(epoch from clock_timestamp() - p.prepared)) as text),
  concat('rollback prepared ', quote_literal(p.gid))
from pg_catalog.pg_prepared_xacts p
where p.database = current_database()
  and p.prepared < clock_timestamp() - cast($1 as double precision) * interval '1 second'
limit 20`,
};
