/** Statements about what attempts add up to. */
import type { Names } from "../identifier.ts";
import { inMilliseconds, instantOf, type Statement } from "./statement.ts";

/** The instant at which the minute, or hour, of another begins. */
const beginning = (unit: "minute" | "hour", instant: string): string =>
  `date_bin(interval '1 ${unit}', ${instant}, cast('epoch' as timestamptz))`;

const sumOf = (left: string, right: string): string => `coalesce(
    (
      select array_agg(coalesce(u.left_count, 0) + coalesce(u.right_count, 0) order by u.place)
      from unnest(${left}, ${right}) with ordinality as u (left_count, right_count, place)
    ),
    cast('{}' as integer[])
  )`;

/** What stands already and what comes are added up. */
const addition = `on conflict (minutes, begins_at, type) do update set
  confirmed = r.confirmed + excluded.confirmed,
  failed = r.failed + excluded.failed,
  given_up = r.given_up + excluded.given_up,
  waits = ${sumOf("r.waits", "excluded.waits")},
  runs = ${sumOf("r.runs", "excluded.runs")},
  slowest_ms = greatest(r.slowest_ms, excluded.slowest_ms),
  slowest_task_id = case
    when excluded.slowest_ms > coalesce(r.slowest_ms, -1) then excluded.slowest_task_id
    else r.slowest_task_id
  end`;

const columns =
  "minutes, begins_at, type, confirmed, failed, given_up, waits, runs, slowest_ms, slowest_task_id";

/**
 * Adds to the rows of the present minute: $1 now in ms, and one array each: $2 types, $3 confirmed, $4 failed, $5 given
 * up, $6 waits, $7 runs, $8 slowest in ms, $9 its task. In order of the types, so that two processes cannot deadlock.
 * These are figures for people, so that a commit need not reach the disk.
 */
export const recordRollUps = (names: Names): Statement => ({
  name: "owed_record_roll_ups",
  unpinned: "in a transaction",
  text: `with ${instantOf("$1")}
insert into ${names.rollUp} as r (${columns})
select 1, ${beginning("minute", "i.at")}, g.type, g.confirmed, g.failed, g.given_up, cast(g.waits as integer[]),
  cast(g.runs as integer[]), g.slowest_ms, g.slowest_task_id
from unnest(
  cast($2 as text[]),
  cast($3 as bigint[]),
  cast($4 as bigint[]),
  cast($5 as bigint[]),
  cast($6 as text[]),
  cast($7 as text[]),
  cast($8 as double precision[]),
  cast($9 as text[])
) as g (type, confirmed, failed, given_up, waits, runs, slowest_ms, slowest_task_id)
cross join instant i
where (select set_config('synchronous_commit', 'off', true)) = 'off'
order by g.type collate "C"
${addition}`,
});

const readable = `cast(r.minutes as text) as minutes,
  ${inMilliseconds("r.begins_at")} as begins_ms,
  r.type,
  cast(r.confirmed as text) as confirmed,
  cast(r.failed as text) as failed,
  cast(r.given_up as text) as given_up,
  cast(to_json(r.waits) as text) as waits,
  cast(to_json(r.runs) as text) as runs,
  cast(r.slowest_ms as text) as slowest_ms,
  r.slowest_task_id`;

/** $1 now in ms, $2 how far back in ms, $3 type or null, $4 rows at most. The first row tells the time alone. */
export const readRollUps = (names: Names): Statement => ({
  name: "owed_read_roll_ups",
  text: `with ${instantOf("$1")},
  found as materialized (
    select r.*
    from ${names.rollUp} r
    where r.minutes in (1, 60)
      and r.begins_at >= (select i.at - cast($2 as double precision) * interval '1 millisecond' from instant i)
      and r.type = coalesce(cast($3 as text), r.type)
    order by r.begins_at desc, r.type
    limit cast($4 as bigint)
  )
select ${inMilliseconds("i.at")} as now_ms,
  ${readable}
from instant i
left join found r on true
order by r.begins_at, r.type`,
});

/** The cells of each hour and type, added up. */
const cellsOf = (column: "waits" | "runs"): string => `${column}_cells as (
    select s.hour, s.type, array_agg(s.total order by s.place) as cells
    from (
      select ${beginning("hour", "g.begins_at")} as hour, g.type, u.place, cast(sum(u.number) as integer) as total
      from gone g
      cross join lateral unnest(g.${column}) with ordinality as u (number, place)
      group by 1, 2, 3
    ) s
    group by s.hour, s.type
  )`;

const doomed = (
  names: Names,
  name: string,
  minutes: 1 | 60,
  keptMs: string,
): string => `${name} as materialized (
    select d.minutes, d.begins_at, d.type
    from ${names.rollUp} d
    where d.minutes = ${minutes}
      and d.begins_at < (
        select ${beginning("hour", "i.at")} - cast(${keptMs} as double precision) * interval '1 millisecond'
        from instant i
      )
    order by d.begins_at, d.type
    limit cast($4 as bigint)
    for update skip locked
  )`;

/**
 * Makes one row of the minutes of each hour and type, and deletes hours: $1 now in ms, $2 how long minutes are kept after
 * their hour, $3 how long hours are, $4 rows of each at most. What another process folds at this moment is left to it.
 */
export const foldRollUps = (names: Names): Statement => ({
  name: "owed_fold_roll_ups",
  unpinned: "in a transaction",
  text: `with
  ${instantOf("$1")},
  ${doomed(names, "doomed_minutes", 1, "$2")},
  ${doomed(names, "doomed_hours", 60, "$3")},
  doomed as (
    select m.*
    from doomed_minutes m
    union all
    select h.*
    from doomed_hours h
  ),
  removed as (
    delete from ${names.rollUp} r
    using doomed d
    where r.minutes = d.minutes
      and r.begins_at = d.begins_at
      and r.type = d.type
    returning r.*
  ),
  gone as materialized (
    select *
    from removed m
    where m.minutes = 1
  ),
  ${cellsOf("waits")},
  ${cellsOf("runs")},
  sums as (
    select
      ${beginning("hour", "g.begins_at")} as hour,
      g.type,
      cast(sum(g.confirmed) as bigint) as confirmed,
      cast(sum(g.failed) as bigint) as failed,
      cast(sum(g.given_up) as bigint) as given_up,
      max(g.slowest_ms) as slowest_ms,
      (array_agg(g.slowest_task_id order by g.slowest_ms desc nulls last))[1] as slowest_task_id
    from gone g
    group by 1, 2
  ),
  folded as (
    insert into ${names.rollUp} as r (${columns})
    select 60, s.hour, s.type, s.confirmed, s.failed, s.given_up, coalesce(w.cells, cast('{}' as integer[])),
      coalesce(n.cells, cast('{}' as integer[])), s.slowest_ms, s.slowest_task_id
    from sums s
    left join waits_cells w on w.hour = s.hour and w.type = s.type
    left join runs_cells n on n.hour = s.hour and n.type = s.type
    order by s.hour, s.type
    ${addition}
  )
select cast(count(*) as text) as gone
from removed`,
});
