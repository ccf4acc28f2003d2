/**
 * The claim of an ordinary day: due tasks that nobody holds and that were never lost. It takes nothing, and says so,
 * where a suspect or a task of a dead process is due: then the statement of claim.ts decides. What it locks is free whoever
 * is registered, so a row that changed hands is looked at as it is now, and is safe to take; one that seems to be of a dead
 * process is never taken here. Rows that others have locked are passed over while the index is read, so that claimers who
 * come together do not wait for each other, and each finds as many as it asked for. Parameters as in claim.ts.
 *
 * `= any (array(...))` and `lateral` keep each reading at an index, row by row, whatever the planner thinks of joins.
 */
import type { Names } from "../identifier.ts";
import { claimedColumns, dead, due, everyType, free, freeAs, namedTypes } from "./claim-candidates.ts";
import { instantOf, type Statement } from "./statement.ts";

const ready = (names: Names): string => `${names.pending} p
        where p.type = w.type
          and p.lost_attempts = 0
          and p.next_attempt_at >= w.floor
          and ${due}
          and (${free} or ${dead(names)})
        order by p.next_attempt_at, p.id
        limit cast($4 as bigint)`;

/** Whether one is due that was lost before and may be claimed. */
const suspects = (names: Names): string => `suspects as materialized (
    select exists (
      select
      from wanted w
      cross join lateral (
        select
        from ${names.pending} p
        where p.type = w.type
          and p.lost_attempts > 0
          and ${due}
          and (
            (${free} and (p.lost_attempts >= 2 or (w.room > 0 and cast($6 as bigint) > 0)))
            or ${dead(names)}
          )
        limit 1
      ) one
    ) as is_due
  )`;

/**
 * How many of each type are to be locked: what is due first goes first, over all types together. One type alone, as most
 * often, needs no look for that.
 */
const quota = (names: Names): string => `seekers as materialized (
    select w.* from wanted w where w.room > 0
  ),
  quota as materialized (
    select w.type, w.floor, w.room
    from seekers w
    where (select count(*) from seekers) = 1
    union all
    select f.type, f.floor, count(*) as room
    from (
      select w.type, w.floor, c.next_attempt_at, c.id
      from seekers w
      cross join lateral (
        select m.*
        from (
          select p.id, p.next_attempt_at
          from ${ready(names)}
        ) m
        limit w.room
      ) c
      where (select count(*) from seekers) > 1
      order by c.next_attempt_at, c.id
      limit cast($4 as bigint)
    ) f
    group by f.type, f.floor
  )`;

const locked = (names: Names): string => `locked as materialized (
    select c.*
    from quota w
    cross join lateral (
      select m.*
      from (
        select p.id, p.type as type_hash, p.next_attempt_at, p.generation, p.failed_attempts, p.lost_attempts,
          p.deferred_attempts, p.since, p.deferred_since, not ${freeAs("p")} as dead
        from ${ready(names)}
        for update skip locked
      ) m
      limit w.room
    ) c
  )`;

/** Suspects first: where there is one, nothing is read and locked in vain. */
const trouble = `trouble as materialized (
    select (select s.is_due from suspects s) or exists (select from locked l where l.dead) as is_due
  )`;

const taken = (names: Names): string => `chosen as materialized (
    select b.*
    from (
      select
        m.*,
        c.task_id,
        c.type,
        c.data,
        c.codec,
        c.reference_id,
        c.headers,
        c.created_at,
        row_number() over due_order as place,
        sum(coalesce(octet_length(c.data), 0)) over due_order as bytes
      from locked m
      cross join lateral (select k.* from ${names.task} k where k.id = m.id limit 1) c
      where not (select t.is_due from trouble t)
      window due_order as (order by m.next_attempt_at, m.id rows unbounded preceding)
    ) b
    where b.place = 1
      or b.bytes <= cast($5 as bigint)
  ),
  moved as (
    update ${names.pending} p
    set
      owner = cast($1 as bigint),
      claim = cast($2 as bigint)
    where p.id = any (array(select c.id from chosen c))
  )`;

/** Of which types as many were found as were wanted; and up to which instant they were taken, in microseconds since 1970. */
const fullTypes = `(select string_agg(cast(w.type as text), ',')
    from quota w
    where (select count(*) from locked l where l.type_hash = w.type) >= w.room)`;
const takenUpTo = `(select string_agg(t.type_hash || ' ' || cast(extract(epoch from t.last) * 1000000 as bigint), ',')
    from (select c.type_hash, max(c.next_attempt_at) as last from chosen c group by c.type_hash) t)`;

/** One row is always answered: it tells whether the other statement is needed. */
const answer = `select
  cast((select t.is_due from trouble t) as text) as undecided,
  ${claimedColumns("c", "c")},
  case when c.place = 1 then ${fullTypes} end as full_types,
  case when c.place = 1 then ${takenUpTo} end as taken_up_to
from (select 1) as one
left join chosen c on true
order by c.place`;

const statement = (name: string, names: Names, kind: "" | "recursive ", wanted: string): Statement => ({
  name,
  text: `with ${kind}
  ${[instantOf("$7"), wanted, suspects(names), quota(names), locked(names), trouble, taken(names)].join(",\n  ")}
${answer}`,
});

/** Claims ready tasks of the named types. */
export const claimReadyNamedTypes = (names: Names): Statement =>
  statement("owed_claim_ready_named_types", names, "", namedTypes(names));

/** Claims ready tasks of any type. */
export const claimReadyEveryType = (names: Names): Statement =>
  statement("owed_claim_ready_every_type", names, "recursive ", everyType(names));
