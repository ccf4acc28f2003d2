/** Retention: deletes what is settled, a bounded number at a time, and counts it. */
import type { Names } from "../identifier.ts";
import { instantOf, type Statement } from "./statement.ts";

/** Deletes what stands about the tasks of `doomed` beside their state, and counts them as pruned. */
const removal = (names: Names): string => `removed_task as (
    delete from ${names.task} t
    where t.id = any (array(select d.id from doomed d))
  ),
  removed_attempt as (
    delete from ${names.attempt} a
    where a.id = any (array(select d.id from doomed d))
  ),
  counted as (
    update ${names.counter} k
    set value = k.value + n.pruned
    from (select count(*) as pruned from doomed) n
    where k.name = 'pruned'
      and n.pruned > 0
  )`;

const pruned = `select cast(count(*) as text) as pruned
from doomed`;

/**
 * Confirmed tasks: $1 kept for how many ms, $2 tasks at most, $3 now in ms. A history row is deleted whole, or loses
 * its first tasks when the limit falls into it.
 */
export const pruneConfirmed = (names: Names): Statement => ({
  name: "owed_prune_confirmed",
  unpinned: "in a transaction",
  text: `with
  ${instantOf("$3")},
  picked as materialized (
    select c.bucket, c.batch, c.ids, c.generations
    from ${names.confirmed} c
    where c.settled_at < (select i.at - cast($1 as double precision) * interval '1 millisecond' from instant i)
    limit cast($2 as bigint)
    for update skip locked
  ),
  doomed as materialized (
    select p.bucket, p.batch, u.id, u.place
    from picked p
    cross join lateral unnest(p.ids) with ordinality as u (id, place)
    order by p.bucket, p.batch, u.place
    limit cast($2 as bigint)
  ),
  reached as materialized (
    select p.bucket, p.batch, p.ids, p.generations, max(d.place) as place
    from picked p
    join doomed d on d.bucket = p.bucket and d.batch = p.batch
    group by p.bucket, p.batch, p.ids, p.generations
  ),
  emptied as (
    delete from ${names.confirmed} c
    using reached r
    where c.bucket = r.bucket
      and c.batch = r.batch
      and r.place = cardinality(r.ids)
  ),
  shortened as (
    update ${names.confirmed} c
    set
      ids = r.ids[r.place + 1 :],
      generations = r.generations[r.place + 1 :]
    from reached r
    where c.bucket = r.bucket
      and c.batch = r.batch
      and r.place < cardinality(r.ids)
  ),
  ${removal(names)}
${pruned}`,
});

/** Cancelled tasks; the same parameters. */
export const pruneCancelled = (names: Names): Statement => ({
  name: "owed_prune_cancelled",
  unpinned: "in a transaction",
  text: `with
  ${instantOf("$3")},
  doomed as materialized (
    select s.id
    from ${names.settled} s
    where s.state = 'cancelled'
      and s.settled_at < (select i.at - cast($1 as double precision) * interval '1 millisecond' from instant i)
    order by s.id
    limit cast($2 as bigint)
    for update skip locked
  ),
  removed_settled as (
    delete from ${names.settled} s
    where s.id = any (array(select d.id from doomed d))
  ),
  ${removal(names)}
${pruned}`,
});

/** How many tasks both would delete; the same parameters. */
export const countPrunable = (names: Names): Statement => ({
  name: "owed_count_prunable",
  text: `with
  ${instantOf("$3")},
  before as materialized (
    select i.at - cast($1 as double precision) * interval '1 millisecond' as at
    from instant i
  )
select cast(least(
  (select coalesce(sum(cardinality(c.ids)), 0) from (
    select b.ids
    from ${names.confirmed} b
    where b.settled_at < (select f.at from before f)
    limit cast($2 as bigint)
  ) c)
  + (select count(*) from (
    select
    from ${names.settled} s
    where s.state = 'cancelled'
      and s.settled_at < (select f.at from before f)
    limit cast($2 as bigint)
  ) k),
  cast($2 as bigint)
) as text) as prunable`,
});
