/** Version 6: what people did, and what attempts add up to. */
import type { Names } from "../identifier.ts";

/** The SQL of this version. Append-only: what has been released is never edited. */
export const records = (names: Names): string => `
-- What people did to tasks, or tried to. Rows are added and never changed, and outlive their tasks.
create table ${names.act} (
  number bigint generated always as identity primary key,
  at timestamptz not null,
  actor text collate "C" not null,
  -- By which way: dashboard, command, or what the application calls its own.
  via text not null,
  action text not null check (action in ('redrive', 'cancel', 'erase', 'delete', 'reveal')),
  task_id text collate "C" not null,
  -- How the task stood before; null when no task of that id was kept.
  type text,
  reference_id text,
  generation integer,
  state text,
  -- done, or where the task stood instead.
  outcome text not null,
  reason text
);
create index act_task on ${names.act} (task_id, number);
create index act_actor on ${names.act} (actor, number);

-- How attempts went, by minute (or, when that is long ago, by hour) and type. The processes add to the same rows, so
-- half of each page stays free: such an update changes no indexed column.
create table ${names.rollUp} (
  minutes smallint not null check (minutes in (1, 60)),
  begins_at timestamptz not null,
  type text collate "C" not null,
  confirmed bigint not null,
  failed bigint not null,
  given_up bigint not null,
  -- How many waited, or ran, how long: below 1 ms, then in cells that end at the powers of the square root of 2.
  waits integer[] not null,
  runs integer[] not null,
  slowest_ms double precision,
  slowest_task_id text,
  primary key (minutes, begins_at, type)
) with (
  fillfactor = 50,
  vacuum_truncate = false
);
`;
