/**
 * The claim: one statement for all types. Candidates are read in due order and kept *with their owner*; then they are
 * locked with SKIP LOCKED, joined on what was seen, so that a row which changed hands in between drops out. Without
 * that join Postgres would check a changed row against the old list of processes, miss one registered since, and steal
 * from the living. A row that came back free in between has another due time, so that is compared as well.
 *
 * $1 owner, $2 claim, $3 live claims, $4 tasks at most, $5 bytes at most, $6 suspects at most, $7 now in ms;
 * then $8 the types' numbers and $9 how many of each, where types are named.
 */
import type { Names } from "../identifier.ts";
import {
  aloneOf,
  byIdOf,
  claimedColumns,
  due,
  everyType,
  free,
  freeAs,
  namedTypes,
  neverLost,
  troubledOf,
} from "./claim-candidates.ts";
import { taken } from "./claim-taking.ts";
import { instantOf, type Statement } from "./statement.ts";

/** One row is always answered: it tells whether a task waits to be claimed alone. */
const answer = (names: Names): string => `select
  cast(a.due as text) as alone_due,
  ${claimedColumns("c", "m")}
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
        and p.id <> all (array(select c.id from chosen c))
      limit 1
    ) one
  ) as due
) a
left join (chosen c join moved m on m.id = c.id) on true
order by c.place`;

/** Claims tasks of the named types. */
export const claimNamedTypes = (names: Names): Statement => ({
  name: "owed_claim_named_types",
  text: `with
  ${[instantOf("$7"), namedTypes(names), neverLost(names), troubledOf(names), taken(names)].join(",\n  ")}
${answer(names)}`,
});

/** Claims tasks of any type. */
export const claimEveryType = (names: Names): Statement => ({
  name: "owed_claim_every_type",
  text: `with recursive
  ${[instantOf("$7"), everyType(names), neverLost(names), troubledOf(names), taken(names)].join(",\n  ")}
${answer(names)}`,
});

/** Claims one task that was lost twice or more, of the named types. $4 is 1 and $6 is 0. */
export const claimAloneNamedTypes = (names: Names): Statement => ({
  name: "owed_claim_alone_named_types",
  text: `with
  ${[instantOf("$7"), namedTypes(names), aloneOf(names), taken(names)].join(",\n  ")}
${answer(names)}`,
});

/** Claims one task that was lost twice or more, of any type. $4 is 1 and $6 is 0. */
export const claimAloneEveryType = (names: Names): Statement => ({
  name: "owed_claim_alone_every_type",
  text: `with recursive
  ${[instantOf("$7"), everyType(names), aloneOf(names), taken(names)].join(",\n  ")}
${answer(names)}`,
});

/** Claims the named tasks: $8 the types' numbers or null for any, $9 the task ids, $10 keys that are left alone. */
export const claimById = (names: Names): Statement => ({
  name: "owed_claim_by_id",
  text: `with
  ${[instantOf("$7"), byIdOf(names), taken(names)].join(",\n  ")}
select
  ${claimedColumns("c", "m")},
  c.key
from chosen c
join moved m on m.id = c.id
order by c.place`,
});

/** Rows looked at in one statement when ended claims are freed. */
const ENDED_PAGE = 10_000;

/**
 * Frees what a process holds under claims that it has ended: $1 owner, $2 claim, $3 live claims, $4 now in ms, $5 where the
 * last page ended. Answers how many are left because somebody holds a lock on them or has just changed them, and where
 * this page ends.
 */
export const freeEndedClaims = (names: Names): Statement => ({
  name: "owed_free_ended_claims",
  text: `with ${instantOf("$4")},
page as materialized (
  select p.id, p.owner = cast($1 as bigint) and ${freeAs("p")} as is_ended
  from ${names.pending} p
  where p.id > cast($5 as bigint)
  order by p.id
  limit ${ENDED_PAGE}
),
locked as materialized (
  select p.id
  from ${names.pending} p
  where p.id = any (array(select e.id from page e where e.is_ended))
    and p.owner = cast($1 as bigint)
    and ${freeAs("p")}
  order by p.id
  for update skip locked
),
freed as (
  update ${names.pending} p
  set
    owner = null,
    claim = null,
    next_attempt_at = greatest(p.next_attempt_at, (select i.at from instant i))
  where p.id = any (array(select l.id from locked l))
  returning p.id
)
select
  cast((select count(*) from page e where e.is_ended) - (select count(*) from freed) as text) as remaining,
  cast((select max(e.id) from page e) as text) as last`,
});
