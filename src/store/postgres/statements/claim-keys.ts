/**
 * The claim where keys have limits of their own: one statement for all types of the request. Each type is read in due order from
 * where the last claim stopped, a bounded piece: its front. Only where a piece of a type with keys gives less than there is
 * room for, keys are found by hopping from one to the next in their index, so many at a time, each hop over a whole
 * backlog. From there on as in claim.ts: locked and compared with what was seen, cut, written once, losses told.
 *
 * Parameters as in claim.ts; then, for each type, $10 and $11 behind which instant (microseconds since 1970) and task its front
 * begins, $12 how many of each key, or null where it is not asked by keys, $13 behind which key hopping goes on; and $14
 * keys with other rooms, $15 those.
 */
import type { Names } from "../identifier.ts";
import {
  aloneOf,
  claimedColumns,
  columns,
  dead,
  due,
  free,
  freeAs,
  inDueOrder,
  mayClaim,
  namedTypes,
  relapsed,
} from "./claim-candidates.ts";
import { taken, takenByKeys } from "./claim-taking.ts";
import { instantOf, type Statement } from "./statement.ts";

/** Rows of a front beyond twice the room; a type that is not asked by keys needs none. */
const FRONT_ROWS = 100;
/** Keys that one claim hops to, besides those that are named. */
const HOPS = 100;
/** Rows read of each key, where there are few keys and much room, are a part of this many rooms. */
const SPARE_ROOMS = 4;

const wanted = (names: Names): string => `wanted as materialized (
    select
      w.type,
      w.room,
      w.each,
      w.after_key,
      coalesce(cast('epoch' as timestamptz) + w.front_us * interval '1 microsecond', '-infinity') as front_at,
      w.front_id,
      case when w.room > 0 then 2 * w.room + case when w.each is null then 0 else ${FRONT_ROWS} end else 0 end as front_rows
    from (
      select u.type, least(u.room, cast($4 as bigint)) as room, u.front_us, u.front_id, u.each, u.after_key
      from unnest(
        cast($8 as bigint[]),
        cast($9 as bigint[]),
        cast($10 as bigint[]),
        cast($11 as bigint[]),
        cast($12 as bigint[]),
        cast($13 as bigint[])
      ) as u (type, room, front_us, front_id, each, after_key)
      where ${mayClaim(names)}
    ) w
  ),
  named_key as materialized (
    select n.key, n.room from unnest(cast($14 as bigint[]), cast($15 as bigint[])) as n (key, room)
  )`;

/** Condition of a row whose key is not passed over. */
const open = "(p.key is null or p.key <> all (array(select n.key from named_key n where n.room <= 0)))";

/** The row p, due and free or held by a process that has died, with whether it is the latter. */
const seen = `${columns}, not ${freeAs("p")} as dead`;

const front = (names: Names): string => `front as materialized (
    select c.*
    from wanted w
    cross join lateral (
      select m.*
      from (
        select ${seen}
        from ${names.pending} p
        where p.type = w.type
          and p.lost_attempts = 0
          and (p.next_attempt_at, p.id) > (w.front_at, w.front_id)
          and ${due}
          and (${free} or ${dead(names)})
        ${inDueOrder}
        limit 2 * cast($4 as bigint) + ${FRONT_ROWS}
      ) m
      limit w.front_rows
    ) c
  )`;

/** The rows of `source`, each with its place among those of its key, and whether that is beyond the room of its key. */
const ranked = (source: string): string => `select
      r.*,
      r.key is not null and r.of_key > r.key_room as is_beyond
    from (
      select
        m.*,
        w.room,
        coalesce((select n.room from named_key n where n.key = m.key), w.each, w.room) as key_room,
        row_number() over (partition by m.type, m.key, m.dead order by m.next_attempt_at, m.id) as of_key
      from ${source} m
      join wanted w on w.type = m.type
    ) r`;

/** How much of each front there was, and how much of that can be taken. */
const frontStanding = `front_standing as materialized (
    select
      w.type,
      w.room,
      w.each,
      w.after_key,
      w.front_rows > 0 and count(f.id) >= w.front_rows as is_full,
      count(f.id) filter (where not f.dead and not f.is_beyond) >= w.room as is_enough,
      max(f.next_attempt_at) as last_at
    from wanted w
    left join (
      ${ranked("front")}
    ) f on f.type = w.type
    group by w.type, w.room, w.each, w.after_key, w.front_rows
  )`;

/** From key to key; each with the instant at which the first of its tasks is due. */
const hops = (names: Names): string => `hop (type, key, next_attempt_at, hops) as (
    select s.type, k.key, k.next_attempt_at, 1
    from front_standing s
    cross join lateral (
      select p.key, p.next_attempt_at
      from ${names.pending} p
      where p.type = s.type
        and p.lost_attempts = 0
        and p.key > coalesce(s.after_key, ${-(2n ** 63n)})
      order by p.key, p.next_attempt_at
      limit 1
    ) k
    where s.each is not null
      and s.is_full
      and not s.is_enough
    union all
    select h.type, k.key, k.next_attempt_at, h.hops + 1
    from hop h
    cross join lateral (
      select p.key, p.next_attempt_at
      from ${names.pending} p
      where p.type = h.type
        and p.lost_attempts = 0
        and p.key > h.key
      order by p.key, p.next_attempt_at
      limit 1
    ) k
    where h.hops < ${HOPS} + cardinality(cast($14 as bigint[]))
  )`;

const byKey = (names: Names): string => `visited as materialized (
    select
      h.type,
      h.key,
      least(
        2 * coalesce((select n.room from named_key n where n.key = h.key), w.each),
        greatest(${SPARE_ROOMS} * w.room / count(*) over (partition by h.type), 2)
      ) as key_rows
    from hop h
    join wanted w on w.type = h.type
    where h.next_attempt_at <= (select i.at from instant i)
  ),
  of_keys as materialized (
    select c.*
    from visited v
    cross join lateral (
      select m.*
      from (
        select ${seen}
        from ${names.pending} p
        where p.type = v.type
          and p.lost_attempts = 0
          and p.key = v.key
          and ${due}
          and (${free} or ${dead(names)})
        ${inDueOrder}
        limit ${SPARE_ROOMS} * cast($4 as bigint)
      ) m
      limit v.key_rows
    ) c
  ),
  met as materialized (
    select f.* from front f
    union
    select k.* from of_keys k
  )`;

/** Spare ones are locked only where others lock the first choice; see claim-candidates.ts. */
const healthy = `ranked as materialized (
    select h.*, row_number() over (partition by h.type, h.dead order by h.is_beyond, h.next_attempt_at, h.id) as of_type
    from (
      ${ranked("met")}
    ) h
    where h.dead
      or h.key is null
      or h.of_key <= 2 * h.key_room
  ),
  healthy as materialized (
    select r.id, r.type, r.owner, r.claim, r.next_attempt_at, r.lost_attempts, r.is_beyond or r.of_type > r.room as spare
    from ranked r
    where not r.dead
      and r.of_type <= 2 * r.room
  )`;

/** Needs care: its process has died; or it was lost once, and its key is not passed over. */
const troubled = (names: Names): string => `troubled as materialized (
    select r.id, r.type, r.owner, r.claim, r.next_attempt_at, r.lost_attempts, r.key, true as dead
    from ranked r
    where r.dead
    union all
    select s.*, false as dead
    from wanted w
    cross join lateral (
      select m.*
      from (
        select ${columns}
        from ${names.pending} p
        where p.type = w.type
          and p.lost_attempts = 1
          and ${due}
          and ${free}
          and ${open}
        ${inDueOrder}
        limit cast($6 as bigint)
      ) m
      limit w.room
    ) s
    union all
    ${relapsed(names, "p.lost_attempts > 0")}
  )`;

/**
 * Of each type: whether its front was full, and gave enough; where it ended; up to which instant tasks were taken; and behind
 * which key hopping goes on, if there were too many for one claim.
 */
const places = `places as materialized (
    select string_agg(concat_ws(' ',
      s.type,
      cast(s.is_full as integer),
      cast(s.is_enough as integer),
      coalesce(cast(cast(extract(epoch from s.last_at) * 1000000 as bigint) as text), '-'),
      coalesce(cast((select max(f.id) from front f where f.type = s.type and f.next_attempt_at = s.last_at) as text), '-'),
      coalesce((
        select cast(cast(extract(epoch from max(l.next_attempt_at)) * 1000000 as bigint) as text)
        from locked_healthy l
        where l.type = s.type
          and l.id in (select c.id from chosen c)
      ), '-'),
      coalesce((
        select cast(max(h.key) as text)
        from hop h
        where h.type = s.type
        having count(*) >= ${HOPS} + cardinality(cast($14 as bigint[]))
      ), '-')
    ), ',') as told
    from front_standing s
  )`;

/** One row is always answered: it tells whether a task waits to be claimed alone, and the places. */
const answer = (names: Names): string => `select
  cast(a.due as text) as alone_due,
  ${claimedColumns("c", "m")},
  c.key,
  case when coalesce(c.place, 1) = 1 then (select p.told from places p) end as places
from (
  select exists (
    select
    from wanted w
    cross join lateral (
      select
      from ${names.pending} p
      where p.type = w.type
        and p.lost_attempts >= 2
        and ${due}
        and ${free}
        and ${open}
        and p.id <> all (array(select c.id from chosen c))
      limit 1
    ) one
  ) as due
) a
left join (chosen c join moved m on m.id = c.id) on true
order by c.place`;

/** Claims tasks of the named types, within the rooms of their keys. */
export const claimByKeys = (names: Names): Statement => ({
  name: "owed_claim_by_keys",
  text: `with recursive
  ${[
    instantOf("$7"),
    wanted(names),
    front(names),
    frontStanding,
    hops(names),
    byKey(names),
    healthy,
    troubled(names),
    takenByKeys(names),
    places,
  ].join(",\n  ")}
${answer(names)}`,
});

/** Claims one task that was lost twice or more, of the named types and none of the keys $11. $4 is 1 and $6 is 0. */
export const claimAloneByKeys = (names: Names): Statement => ({
  name: "owed_claim_alone_by_keys",
  text: `with
  ${[
    instantOf("$7"),
    namedTypes(names),
    aloneOf(names, "(p.key is null or p.key <> all (cast($11 as bigint[])))"),
    taken(names),
  ].join(",\n  ")}
select
  cast(exists (
    select
    from wanted w
    cross join lateral (
      select
      from ${names.pending} p
      where p.type = w.type
        and p.lost_attempts >= 2
        and ${due}
        and ${free}
        and (p.key is null or p.key <> all (cast($11 as bigint[])))
        and p.id <> all (array(select c.id from chosen c))
      limit 1
    ) one
  ) as text) as alone_due,
  ${claimedColumns("c", "m")},
  c.key
from (select 1) as one
left join (chosen c join moved m on m.id = c.id) on true
order by c.place`,
});
