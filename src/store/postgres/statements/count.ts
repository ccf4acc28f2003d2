/** Statements that count: exactly, at a bounded cost, and for the balance. */
import type { Names } from "../identifier.ts";
import { inMilliseconds, instantOf, type Statement } from "./statement.ts";

/** All pending tasks. */
export const countPending = (names: Names): Statement => ({
  name: "owed_count_pending",
  text: `select cast(count(*) as text) as count from ${names.pending}`,
});

/** $1 the state: failed or cancelled. */
export const countSettled = (names: Names): Statement => ({
  name: "owed_count_settled",
  text: `select cast(count(*) as text) as count from ${names.settled} s where s.state = $1`,
});

/** All confirmed tasks that are kept. */
export const countConfirmed = (names: Names): Statement => ({
  name: "owed_count_confirmed",
  text: `select cast(coalesce(sum(cardinality(c.ids)), 0) as text) as count from ${names.confirmed} c`,
});

/** Every term from rows of its own, in one snapshot. */
export const balance = (names: Names): Statement => ({
  name: "owed_balance",
  text: `select
  cast((select count(*) from ${names.task}) + p.value as text) as enqueued,
  cast((select count(*) from ${names.pending}) as text) as pending,
  cast((select coalesce(sum(cardinality(c.ids)), 0) from ${names.confirmed} c) as text) as confirmed,
  cast((select count(*) from ${names.settled} s where s.state = 'failed') as text) as failed,
  cast((select count(*) from ${names.settled} s where s.state = 'cancelled') as text) as cancelled,
  cast(p.value as text) as pruned
from ${names.counter} p
where p.name = 'pruned'`,
});

const firstOf = (names: Names, condition: string, from: string): string => `(
      select p.type, p.id, p.next_attempt_at
      from ${names.pending} p
      where ${condition}${from}
      order by p.type, p.next_attempt_at, p.id
      limit 1
    )`;

/** Hops from type to type, and takes of each the task that is due first. */
const hops = (names: Names, name: string, condition: string): string => `${name} as (
    ${firstOf(names, condition, "")}
    union all
    select h.*
    from ${name} n
    cross join lateral ${firstOf(names, condition, " and p.type > n.type")} h
  )`;

/**
 * $1 where counting stops, $2 now in ms. Confirmed tasks are counted while their rows are few, and estimated from the
 * first of them afterwards. A type is orphaned when no registered process executes it.
 */
export const statistics = (names: Names): Statement => ({
  name: "owed_statistics",
  text: `with recursive
  ${instantOf("$2")},
  ${hops(names, "ready", "p.lost_attempts = 0")},
  ${hops(names, "suspect", "p.lost_attempts > 0")},
  earliest as materialized (
    select r.* from ready r
    union all
    select s.* from suspect s
  ),
  orphaned as materialized (
    select distinct t.type
    from earliest e
    join ${names.task} t on t.id = e.id
    where not exists (
      select from ${names.process} r where r.types is null or t.type = any (r.types)
    )
  ),
  history as materialized (
    select count(*) as rows, coalesce(sum(cardinality(c.ids)), 0) as tasks
    from (select b.ids from ${names.confirmed} b limit cast($1 as bigint)) c
  )
select
  cast((select count(*) from (select from ${names.pending} limit cast($1 as bigint)) c) as text) as pending,
  cast((select count(*) from (
    select from ${names.settled} s where s.state = 'failed' limit cast($1 as bigint)
  ) c) as text) as failed,
  cast((select count(*) from (
    select from ${names.settled} s where s.state = 'cancelled' limit cast($1 as bigint)
  ) c) as text) as cancelled,
  cast(case
    when h.rows < cast($1 as bigint) then h.tasks
    else greatest(h.tasks, floor(h.tasks * greatest((
      select k.reltuples from pg_catalog.pg_class k where k.oid = cast($3 as regclass)
    ), 0) / h.rows))
  end as text) as confirmed,
  ${inMilliseconds("i.at")} as now_ms,
  ${inMilliseconds("(select min(e.next_attempt_at) from earliest e where e.next_attempt_at <= i.at)")} as oldest_due_ms,
  (select cast(json_agg(o.type order by o.type) as text) from orphaned o) as orphaned_types,
  cast((select count(*) from ${names.process}) as text) as processes
from instant i
cross join history h`,
});
