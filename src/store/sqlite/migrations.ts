/** The schema, version by version. Append-only: what has been released is never edited. */

/** Reads the version; fails while there is no table for it. */
export const readVersion = "select version from owed_schema_version";

/** Answers one row when the table of the version is there. */
export const findVersionTable =
  "select name from sqlite_schema where type = 'table' and name = 'owed_schema_version'";

/** The one table that is there before the first migration. */
export const createVersionTable = `
create table if not exists owed_schema_version (
  only_row integer primary key check (only_row = 1),
  version integer not null
) strict;
insert into owed_schema_version (only_row, version) values (1, 0) on conflict (only_row) do nothing;
`;

/** Notes what the file has. */
export const writeVersion = "update owed_schema_version set version = :version";

/** The view, with more columns at its end. */
const taskStateView = (more: string): string => `create view owed_task_state as
select
  t.id,
  t.task_id,
  t.type,
  case when p.id is not null then 'pending' else s.state end as state,
  coalesce(p.generation, s.generation) as generation,
  coalesce(p.failed_attempts, s.failed_attempts) as failed_attempts,
  coalesce(p.lost_attempts, s.lost_attempts) as lost_attempts,
  coalesce(p.deferred_attempts, s.deferred_attempts) as deferred_attempts,
  p.next_attempt_at,
  p.owner,
  p.claim,
  t.created_at,
  s.settled_at,
  s.failure_reason,
  coalesce(s.error, (
    select a.error
    from owed_attempt a
    where a.task = t.id
      and a.generation = coalesce(p.generation, s.generation)
      and a.accepted = 1
      and a.error is not null
    order by a.number desc
    limit 1
  )) as last_error,
  t.data,
  t.codec,
  t.reference_id,
  t.headers${more}
from owed_task t
left join owed_pending p on p.id = t.id
left join owed_settled s on s.id = t.id;
`;

/** Version 1: the tables, their indexes, and the view for people. All instants are milliseconds since 1970. */
const tables = `
-- A task, written once. Only retention removes it, and only when it is settled. Its id is never given twice.
create table owed_task (
  id integer primary key autoincrement,
  task_id text not null unique,
  type text not null,
  -- Opaque bytes; null once they have been erased.
  data blob,
  codec text not null,
  reference_id text,
  created_at integer not null,
  -- JSON.
  headers text
) strict;

-- What is still owed: a row exists as long as its task is neither confirmed, failed nor cancelled.
create table owed_pending (
  id integer primary key,
  -- First eight bytes of the SHA-256 of the type's name.
  type_hash integer not null,
  next_attempt_at integer not null,
  -- When this generation was first due.
  first_due_at integer not null,
  -- First deferral of this generation.
  deferred_since integer,
  failed_attempts integer not null default 0,
  lost_attempts integer not null default 0,
  deferred_attempts integer not null default 0,
  generation integer not null default 1,
  -- The process that holds it, and the number of its claim; null when nobody does.
  owner integer,
  claim integer,
  check ((owner is null) = (claim is null))
) strict;

-- Due order within a type. Suspects (lost once) and what is claimed alone (lost more often) stand in indexes of their
-- own and hide nobody. A claim changes none of the three.
create index owed_pending_ready on owed_pending (type_hash, next_attempt_at) where lost_attempts = 0;
create index owed_pending_suspect on owed_pending (type_hash, next_attempt_at) where lost_attempts = 1;
create index owed_pending_alone on owed_pending (type_hash, next_attempt_at) where lost_attempts > 1;

-- What became of a task. Owner and claim are those of the attempt that ended it.
create table owed_settled (
  id integer primary key,
  state text not null check (state in ('confirmed', 'failed', 'cancelled')),
  settled_at integer not null,
  generation integer not null,
  failed_attempts integer not null,
  lost_attempts integer not null,
  deferred_attempts integer not null,
  owner integer,
  claim integer,
  failure_reason text,
  -- JSON.
  error text,
  check ((state = 'failed') = (failure_reason is not null))
) strict;
create index owed_settled_unsuccessful on owed_settled (state, id) where state <> 'confirmed';
create index owed_settled_prunable on owed_settled (settled_at) where state <> 'failed';

-- The story of every attempt that did not simply succeed.
create table owed_attempt (
  number integer primary key autoincrement,
  task integer not null,
  outcome text not null check (outcome in ('failed', 'deferred', 'abandoned', 'lost', 'late-success')),
  generation integer not null,
  owner integer not null,
  claim integer not null,
  accepted integer not null check (accepted in (0, 1)),
  recorded_at integer not null,
  duration_ms real,
  -- JSON.
  error text
) strict;
create index owed_attempt_task on owed_attempt (task, owner, claim);

-- Processes that are alive. A claim whose owner is not in here is void.
create table owed_process (
  owner integer primary key,
  beats integer not null,
  beat_at integer not null,
  lease_ms integer not null,
  registered_at integer not null,
  host text not null,
  pid integer not null,
  slots integer not null,
  -- A JSON array of names; null: any type.
  types text
) strict;

-- What rows cannot tell any more.
create table owed_pruned (
  only_row integer primary key check (only_row = 1),
  tasks integer not null
) strict;
insert into owed_pruned (only_row, tasks) values (1, 0);

-- How many tasks are confirmed and kept, so that a gauge need not count them.
create table owed_confirmed (
  only_row integer primary key check (only_row = 1),
  tasks integer not null
) strict;
insert into owed_confirmed (only_row, tasks) values (1, 0);

-- Every task with its state.
${taskStateView("")}`;

/** Version 3: keys of tasks. */
const keys = `
-- By what tasks of a type are told apart, a merchant for example.
alter table owed_task add column key text;
-- First eight bytes of the SHA-256 of the type's name, a zero byte, and the key.
alter table owed_pending add column key_hash integer;
-- From key to key, and within each in due order.
create index owed_pending_keyed on owed_pending (type_hash, key_hash, next_attempt_at)
  where lost_attempts = 0 and key_hash is not null;

drop view owed_task_state;
${taskStateView(",\n  t.key")}`;

/** Version 2: what people did, and what attempts add up to. */
const records = `
-- What people did to tasks, or tried to. Rows are added and never changed, and outlive their tasks.
create table owed_act (
  number integer primary key autoincrement,
  at integer not null,
  actor text not null,
  -- By which way: dashboard, command, or what the application calls its own.
  via text not null,
  action text not null check (action in ('redrive', 'cancel', 'erase', 'delete', 'reveal')),
  task_id text not null,
  -- How the task stood before; null when no task of that id was kept.
  type text,
  reference_id text,
  generation integer,
  state text,
  -- done, or where the task stood instead.
  outcome text not null,
  reason text
) strict;
create index owed_act_task on owed_act (task_id, number);
create index owed_act_actor on owed_act (actor, number);

-- How attempts went, by minute (or, when that is long ago, by hour) and type.
create table owed_roll_up (
  minutes integer not null check (minutes in (1, 60)),
  begins_at integer not null,
  type text not null,
  confirmed integer not null,
  failed integer not null,
  given_up integer not null,
  -- JSON lists: how many waited, or ran, how long: below 1 ms, then in cells that end at the powers of the square root of 2.
  waits text not null,
  runs text not null,
  slowest_ms real,
  slowest_task_id text,
  primary key (minutes, begins_at, type)
) strict, without rowid;
`;

/** The whole schema as SQL, for somebody who runs it by hand on a file without it. */
export function sqliteMigrationSql(): string {
  const version = `update owed_schema_version set version = ${migrations.length};`;
  return [
    `-- Tables of the package "owed" for SQLite, version ${migrations.length}.`,
    "begin immediate;",
    createVersionTable.trim(),
    ...migrations.map((migration, index) => `-- Version ${index + 1}\n${migration.trim()}`),
    version,
    "commit;",
    "",
  ].join("\n\n");
}

/** The migrations in order; the first brings version 1. */
export const migrations: readonly string[] = Object.freeze([tables, records, keys]);
