/** Version 1: the tables, their indexes, and the view for people with psql. */
import type { Names } from "../identifier.ts";

/** The SQL of this version. Append-only: what has been released is never edited. */
export const tables = (names: Names): string =>
  [owedTables(names), settledTables(names), processTable(names), taskStateView(names)].join("\n");

const owedTables = (names: Names): string => `
-- A task, written once. Only retention removes it, and only when it is settled.
create table ${names.task} (
  id bigint generated always as identity primary key,
  created_at timestamptz not null,
  task_id text collate "C" not null unique,
  type text collate "C" not null,
  -- Opaque bytes; null once they have been erased.
  data bytea,
  -- Null: json.
  codec text,
  reference_id text,
  headers json
);

-- What is still owed: a row exists as long as its task is neither confirmed, failed nor cancelled.
-- Half of each page stays free, so that a claim (which changes no indexed column) finds room beside the row.
create table ${names.pending} (
  id bigint primary key,
  -- First eight bytes of the SHA-256 of the type's name.
  type bigint not null,
  next_attempt_at timestamptz not null,
  -- The process that holds it, and the number of its claim; null when nobody does.
  owner bigint,
  claim bigint,
  -- When this generation was first due; null stands for the task's created_at.
  since timestamptz,
  -- First deferral of this generation.
  deferred_since timestamptz,
  lost_attempts integer not null default 0,
  generation integer not null default 1,
  -- Null stands for 0 in the columns that a task which simply succeeds never needs.
  failed_attempts integer,
  deferred_attempts integer,
  priority smallint,
  check ((owner is null) = (claim is null))
) with (
  fillfactor = 50,
  -- Truncation takes an exclusive lock that stops every enqueue.
  vacuum_truncate = false,
  autovacuum_vacuum_scale_factor = 0.05,
  autovacuum_vacuum_threshold = 1000
);

-- Suspects stand in an index of their own and hide nobody. A claim changes lost_attempts only to count a death.
create index pending_ready on ${names.pending} (type, next_attempt_at, id)
  where lost_attempts = 0;
create index pending_suspect on ${names.pending} (type, next_attempt_at, id)
  where lost_attempts > 0;
`;

const settledTables = (names: Names): string => `
-- Failed and cancelled tasks.
create table ${names.settled} (
  id bigint primary key,
  type bigint not null,
  state text not null check (state in ('failed', 'cancelled')),
  settled_at timestamptz not null,
  generation integer not null,
  failed_attempts integer not null,
  lost_attempts integer not null,
  deferred_attempts integer not null,
  reason text,
  error json,
  check ((state = 'failed') = (reason is not null))
);
create index settled_state on ${names.settled} (state, id);

-- Confirmed tasks, one row for each flushed batch and bucket of 1,024 ids: about 20 bytes a task.
create table ${names.confirmed} (
  bucket bigint not null,
  batch bigint generated always as identity,
  settled_at timestamptz not null,
  owner bigint not null,
  ids bigint[] not null check (cardinality(ids) > 0),
  -- Null when every task was of generation 1.
  generations integer[],
  primary key (bucket, batch)
);
create index confirmed_settled_at on ${names.confirmed} using brin (settled_at) with (autosummarize = on);

-- The story of every attempt that did not simply succeed.
create table ${names.attempt} (
  id bigint not null,
  number bigint generated always as identity,
  outcome text not null check (outcome in ('failed', 'deferred', 'abandoned', 'lost', 'late-success')),
  generation integer not null,
  owner bigint not null,
  claim bigint not null,
  accepted boolean not null,
  recorded_at timestamptz not null,
  duration_ms bigint,
  error json,
  primary key (id, number)
);
`;

const processTable = (names: Names): string => `
-- Processes that are alive. A claim whose owner is not in here is void.
create table ${names.process} (
  owner bigint primary key,
  beats bigint not null default 0,
  beat_at timestamptz not null,
  lease_ms bigint not null,
  registered_at timestamptz not null,
  host text not null,
  pid bigint not null,
  slots bigint not null,
  -- Null: any type.
  types text[]
) with (
  fillfactor = 50,
  vacuum_truncate = false,
  autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 200
);

-- What rows cannot tell any more: how many tasks were pruned.
create table ${names.counter} (
  name text primary key,
  value bigint not null
);
insert into ${names.counter} (name, value) values ('pruned', 0);
`;

const taskStateView = (names: Names): string => `
-- Every task with its state. Of a confirmed task the counters are those its story tells.
create view ${names.taskState} as
${taskStates(names)}`;

/** What the view shows; `more` columns, of the task as t, come last. */
export const taskStates = (names: Names, more = ""): string => `select
  t.id,
  t.task_id,
  t.type,
  case
    when p.id is not null then 'pending'
    when s.id is not null then s.state
    when c.generation is not null then 'confirmed'
  end as state,
  coalesce(p.generation, s.generation, c.generation) as generation,
  coalesce(p.failed_attempts, s.failed_attempts, c.failed_attempts, 0) as failed_attempts,
  coalesce(p.lost_attempts, s.lost_attempts, c.lost_attempts) as lost_attempts,
  coalesce(p.deferred_attempts, s.deferred_attempts, c.deferred_attempts, 0) as deferred_attempts,
  p.next_attempt_at,
  p.owner,
  p.claim,
  t.created_at,
  coalesce(s.settled_at, c.settled_at) as settled_at,
  s.reason as failure_reason,
  case
    when c.generation is null
    then coalesce(s.error, (
      select a.error
      from ${names.attempt} a
      where a.id = t.id
        and a.generation = coalesce(p.generation, s.generation)
        and a.accepted
        and a.error is not null
      order by a.number desc
      limit 1
    ))
  end as last_error,
  t.data,
  coalesce(t.codec, 'json') as codec,
  t.reference_id,
  t.headers${more}
from ${names.task} t
left join ${names.pending} p on p.id = t.id
left join ${names.settled} s on s.id = t.id
left join lateral (
  select
    b.settled_at,
    coalesce(b.generations[array_position(b.ids, t.id)], 1) as generation,
    (select count(*) from ${names.attempt} a
      where a.id = t.id and a.accepted and a.outcome = 'failed'
        and a.generation = coalesce(b.generations[array_position(b.ids, t.id)], 1)) as failed_attempts,
    (select count(*) from ${names.attempt} a
      where a.id = t.id and a.accepted and a.outcome = 'lost'
        and a.generation = coalesce(b.generations[array_position(b.ids, t.id)], 1)) as lost_attempts,
    (select count(*) from ${names.attempt} a
      where a.id = t.id and a.accepted and a.outcome = 'deferred'
        and a.generation = coalesce(b.generations[array_position(b.ids, t.id)], 1)) as deferred_attempts
  from ${names.confirmed} b
  where b.bucket = t.id / 1024
    and t.id = any (b.ids)
) c on true;
`;
