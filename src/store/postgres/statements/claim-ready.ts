/**
 * The claim of an ordinary day: due tasks that nobody holds and that were never lost. It takes nothing, and says so,
 * where a suspect or a task of a dead process is due, or where other claimers were quicker: then the statement of claim.ts
 * decides. What it locks is free whoever is registered, so a row that changed hands is looked at as it is now, and is
 * safe to take. Parameters as in claim.ts.
 *
 * `= any (array(...))` and `lateral` keep each reading at an index, row by row, whatever the planner thinks of joins.
 */
import type { Names } from "../identifier.ts";
import { claimedColumns, dead, due, everyType, free, freeAs, namedTypes } from "./claim-candidates.ts";
import { instantOf, type Statement } from "./statement.ts";

const met = (names: Names): string => `met as materialized (
    select c.*
    from wanted w
    cross join lateral (
      select m.*
      from (
        select p.id, p.type, not ${freeAs("p")} as dead
        from ${names.pending} p
        where p.type = w.type
          and p.lost_attempts = 0
          and p.next_attempt_at >= w.floor
          and ${due}
          and (${free} or ${dead(names)})
        order by p.next_attempt_at, p.id
        limit cast($4 as bigint)
      ) m
      limit w.room
    ) c
  )`;

const trouble = (names: Names): string => `trouble as materialized (
    select exists (select from met m where m.dead) or exists (
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

const taken = (names: Names): string => `locked as materialized (
    select p.id, p.type as type_hash, p.next_attempt_at, p.generation, p.failed_attempts, p.lost_attempts, p.deferred_attempts, p.since,
      p.deferred_since
    from ${names.pending} p
    where p.id = any (array(select m.id from met m where not (select t.is_due from trouble t)))
      and p.lost_attempts = 0
      and ${due}
      and ${free}
    order by p.next_attempt_at, p.id
    limit cast($4 as bigint)
    for update skip locked
  ),
  chosen as materialized (
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

/** How many were met of each type, and up to which instant of each they were taken, in microseconds since 1970. */
const seen = `(select string_agg(s.type || ' ' || s.number, ',')
    from (select m.type, count(*) as number from met m group by m.type) s)`;
const takenUpTo = `(select string_agg(t.type_hash || ' ' || cast(extract(epoch from t.last) * 1000000 as bigint), ',')
    from (select c.type_hash, max(c.next_attempt_at) as last from chosen c group by c.type_hash) t)`;

/** One row is always answered: it tells whether the other statement is needed. */
const answer = `select
  cast(
    (select t.is_due from trouble t)
    or (select count(*) from met) > 0 and (select count(*) from locked) = 0
    as text
  ) as undecided,
  ${claimedColumns("c", "c")},
  case when c.place is null or c.place = 1 then ${seen} end as seen,
  case when c.place = 1 then ${takenUpTo} end as taken_up_to
from (select 1) as one
left join chosen c on true
order by c.place`;

const statement = (name: string, names: Names, kind: "" | "recursive ", wanted: string): Statement => ({
  name,
  text: `with ${kind}
  ${[instantOf("$7"), wanted, met(names), trouble(names), taken(names)].join(",\n  ")}
${answer}`,
});

/** Claims ready tasks of the named types. */
export const claimReadyNamedTypes = (names: Names): Statement =>
  statement("owed_claim_ready_named_types", names, "", namedTypes(names));

/** Claims ready tasks of any type. */
export const claimReadyEveryType = (names: Names): Statement =>
  statement("owed_claim_ready_every_type", names, "recursive ", everyType(names));
