/** Statements that read one page of tasks, by age: its numbers and what stands about them in one snapshot. */
import type { Names } from "../identifier.ts";
import { taskColumns } from "./operator.ts";
import type { Statement } from "./statement.ts";

/** By age. */
type Order = "ascending" | "descending";

const words = {
  ascending: { beyond: ">", sort: "asc", start: "-1", last: "max" },
  descending: { beyond: "<", sort: "desc", start: "9223372036854775807", last: "min" },
} as const;

const idPage = (kind: string, names: Names, condition: string): Statement => ({
  name: `owed_task_id_${kind}`,
  text: `select
  ${taskColumns}
from ${names.taskState} v
where v.id = any (array(
select t.id
from ${names.task} t
where t.task_id >= $1
  and t.task_id > $2${condition}
order by t.task_id
limit cast($3 as bigint)
))
order by v.task_id`,
});

/** By task id: $1 where the range begins, $2 last id of the page before, $3 tasks at most, $4 where the range ends. */
export const taskIdPage = (names: Names): Statement => idPage("page", names, " and t.task_id < $4");

/** As above, to the last of all ids. */
export const taskIdTail = (names: Names): Statement => idPage("tail", names, "");

const instant = (parameter: string): string =>
  `cast('epoch' as timestamptz) + cast(${parameter} as double precision) * interval '1 millisecond'`;

/**
 * The last number of a task that was enqueued before an instant, by halving the numbers: instants have no index, and
 * numbers are nearly in their order. No row when the instant is null.
 */
const edge = (names: Names, name: string, parameter: string): string => `${name} as (
    select cast(0 as bigint) as low, (select coalesce(max(t.id), 0) + 1 from ${names.task} t) as high
    where cast(${parameter} as double precision) is not null
    union all
    select
      case when m.id < e.high and m.created_at < ${instant(parameter)} then m.id else e.low end,
      case when m.id < e.high and m.created_at < ${instant(parameter)} then e.high else (e.low + e.high) / 2 end
    from ${name} e
    left join lateral (
      select t.id, t.created_at
      from ${names.task} t
      where t.id >= (e.low + e.high) / 2
      order by t.id
      limit 1
    ) m on true
    where e.high - e.low > 1
  )`;

/** Where the walk goes on: behind the page before, and within the numbers of the instants. */
const within = (
  order: Order,
  id: string,
): string => `${id} ${words[order].beyond} coalesce(cast($1 as bigint), ${words[order].start})
      and ${id} > coalesce((select max(e.low) from first_edge e), -1)
      and ${id} <= coalesce((select max(e.low) from last_edge e), 9223372036854775807)`;

const isBetween = (names: Names, id: string): string => `(
        cast($5 as double precision) is null and cast($6 as double precision) is null
        or exists (
          select
          from ${names.task} t
          where t.id = ${id}
            and (cast($5 as double precision) is null or t.created_at >= ${instant("$5")})
            and (cast($6 as double precision) is null or t.created_at < ${instant("$6")})
        )
      )`;

/**
 * A page out of a walk along the tasks of a state, which looks at no more than so many: $1 number behind which it begins,
 * or null, $2 tasks at most, $3 type or null, $4 tasks that are looked at, $5 and $6 between which instants they were enqueued,
 * in ms or null, $7 the first and $8 the last of them with room for disorder. Every row tells how far the walk came; where
 * nothing was found it is one row without a task.
 */
const pageOf = (kind: string, names: Names, order: Order, walk: string): Statement => ({
  name: `owed_${kind}_page_${order}`,
  text: `with recursive
  ${edge(names, "first_edge", "$7")},
  ${edge(names, "last_edge", "$8")},
  walk as materialized (
    ${walk}
    limit cast($4 as bigint)
  ),
  reach as materialized (
    select count(*) as walked, ${words[order].last}(w.id) as last
    from walk w
  )
select
  cast(r.walked as text) as walked,
  cast(r.last as text) as last,
  cast(v.id as text) as id,
  ${taskColumns}
from reach r
left join ${names.taskState} v on v.id = any (array(
  select w.id
  from walk w
  where w.fits
  order by w.id ${words[order].sort}
  limit cast($2 as bigint)
))
order by v.id ${words[order].sort}`,
});

/** Pending tasks. The type is its number. */
export const pendingPage = (names: Names, order: Order): Statement =>
  pageOf(
    "pending",
    names,
    order,
    `select p.id, (cast($3 as bigint) is null or p.type = cast($3 as bigint))
      and ${isBetween(names, "p.id")} as fits
    from ${names.pending} p
    where ${within(order, "p.id")}
    order by p.id ${words[order].sort}`,
  );

/** As above, only those that are due and nobody holds; $9 now in ms. */
export const readyPage = (names: Names, order: Order): Statement =>
  pageOf(
    "ready",
    names,
    order,
    `select p.id, (cast($3 as bigint) is null or p.type = cast($3 as bigint))
      and p.next_attempt_at <= (select coalesce(${instant("$9")}, clock_timestamp()))
      and (p.owner is null or p.owner <> all (array(select r.owner from ${names.process} r)))
      and ${isBetween(names, "p.id")} as fits
    from ${names.pending} p
    where ${within(order, "p.id")}
    order by p.id ${words[order].sort}`,
  );

/** As above, $9 the state: failed or cancelled. */
export const settledPage = (names: Names, order: Order): Statement =>
  pageOf(
    "settled",
    names,
    order,
    `select s.id, (cast($3 as bigint) is null or s.type = cast($3 as bigint))
      and ${isBetween(names, "s.id")} as fits
    from ${names.settled} s
    where s.state = $9
      and ${within(order, "s.id")}
    order by s.id ${words[order].sort}`,
  );

/** As above, $3 the name of the type or null. Buckets come in order, so that sorting goes no further than the walk. */
export const confirmedPage = (names: Names, order: Order): Statement =>
  pageOf(
    "confirmed",
    names,
    order,
    `select u.id, (
        cast($3 as text) is null
        or exists (select from ${names.task} t where t.id = u.id and t.type = cast($3 as text))
      )
      and ${isBetween(names, "u.id")} as fits
    from ${names.confirmed} c
    cross join lateral unnest(c.ids) as u (id)
    where c.bucket ${words[order].beyond}= coalesce(cast($1 as bigint), ${words[order].start}) / 1024
      and c.bucket >= coalesce((select max(e.low) from first_edge e), -1) / 1024
      and c.bucket <= coalesce((select max(e.low) from last_edge e), 9223372036854775807) / 1024
      and ${within(order, "u.id")}
    order by c.bucket ${words[order].sort}, u.id ${words[order].sort}`,
  );
