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
import { inMilliseconds, instantOf, type Statement } from "./statement.ts";

/** What is carried from the reading of a candidate to its lock. */
const columns = "p.id, p.type, p.owner, p.claim, p.next_attempt_at, p.lost_attempts";
const due = "p.next_attempt_at <= (select i.at from instant i)";
const inDueOrder = "order by p.next_attempt_at, p.id";
const freeAs = (row: string): string =>
  `(${row}.owner is null or (${row}.owner = cast($1 as bigint) and ${row}.claim <> all (cast($3 as bigint[]))))`;
const free = freeAs("p");

/** Held by a process that is not registered. The list of processes is read once, and only if a held row is met. */
const dead = (names: Names): string =>
  `(p.owner <> cast($1 as bigint) and p.owner <> all (array(select r.owner from ${names.process} r)))`;

const namedTypes = `wanted as materialized (
    select w.type, least(w.room, cast($4 as bigint)) as room
    from unnest(cast($8 as bigint[]), cast($9 as bigint[])) as w (type, room)
    where w.room > 0
  )`;

/** Every type with pending tasks, found by hopping from one to the next in the index. */
const everyType = (names: Names): string => {
  const hops = (name: string, condition: string): string => `${name} (type) as (
    (select p.type from ${names.pending} p where ${condition} order by p.type limit 1)
    union all
    select hop.type
    from ${name} k
    cross join lateral (
      select p.type from ${names.pending} p where p.type > k.type and ${condition} order by p.type limit 1
    ) hop
  )`;
  return `${hops("ready_type", "p.lost_attempts = 0")},
  ${hops("suspect_type", "p.lost_attempts > 0")},
  wanted as materialized (
    select k.type, cast($4 as bigint) as room from (select type from ready_type union select type from suspect_type) k
  )`;
};

/**
 * Never lost, and free or held by a dead process. Twice as many as there is room for are read, so that claimers who
 * come at the same moment find something beside what the first of them locks; `spare` tells them from the first choice.
 * Where a dead process held some, the scan goes on behind them for free ones alone: the dead hide nobody. The inner
 * limit is there for the planner, which knows its value.
 */
const neverLost = (names: Names): string => `met as materialized (
    select c.*
    from wanted w
    cross join lateral (
      select m.*, not ${freeAs("m")} as dead
      from (
        select ${columns}
        from ${names.pending} p
        where p.type = w.type
          and p.lost_attempts = 0
          and ${due}
          and (${free} or ${dead(names)})
        ${inDueOrder}
        limit 2 * cast($4 as bigint)
      ) m
      limit 2 * w.room
    ) c
  ),
  beyond as materialized (
    select c.*
    from (
      select m.type, max(m.next_attempt_at) as next_attempt_at
      from met m
      group by m.type
      having bool_or(m.dead)
    ) e
    join wanted w on w.type = e.type
    cross join lateral (
      select m.*
      from (
        select ${columns}
        from ${names.pending} p
        where p.type = w.type
          and p.lost_attempts = 0
          and p.next_attempt_at >= e.next_attempt_at
          and ${due}
          and ${free}
        ${inDueOrder}
        limit 4 * cast($4 as bigint)
      ) m
      where m.id not in (select s.id from met s)
      limit 2 * w.room
    ) c
  ),
  healthy as materialized (
    select h.*, row_number() over (partition by h.type order by h.next_attempt_at, h.id) > w.room as spare
    from (
      select m.id, m.type, m.owner, m.claim, m.next_attempt_at, m.lost_attempts from met m where not m.dead
      union all
      select b.* from beyond b
    ) h
    join wanted w on w.type = h.type
  )`;

/** What needs care: its process has died; or it is free and was lost once; or both, and more. */
const troubledOf = (names: Names): string => `troubled as materialized (
    select m.*
    from met m
    where m.dead
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
        ${inDueOrder}
        limit cast($6 as bigint)
      ) m
      limit w.room
    ) s
    union all
    ${relapsed(names, "p.lost_attempts > 0")}
  )`;

/** Lost before, and its process has died again. */
const relapsed = (names: Names, condition: string): string => `select d.*, true as dead
    from wanted w
    cross join lateral (
      select ${columns}
      from ${names.pending} p
      where p.type = w.type
        and ${condition}
        and ${due}
        and ${dead(names)}
      ${inDueOrder}
      limit 1000
    ) d`;

/** Free and lost twice or more: what an idle process may claim alone. */
const aloneOf = (names: Names): string => `healthy as materialized (
    select f.*, w.room, false as spare
    from wanted w
    cross join lateral (
      select ${columns}
      from ${names.pending} p
      where p.type = w.type
        and p.lost_attempts >= 2
        and ${due}
        and ${free}
      ${inDueOrder}
      limit 8
    ) f
  ),
  troubled as materialized (
    ${relapsed(names, "p.lost_attempts >= 2")}
  )`;

/** The named tasks, whatever stands before them. */
const byIdOf = (names: Names): string => `standing as materialized (
    select ${columns}, ${free} as free, ${dead(names)} as dead
    from ${names.task} t
    join ${names.pending} p on p.id = t.id
    where t.task_id = any (cast($9 as text[]))
      and (cast($8 as bigint[]) is null or p.type = any (cast($8 as bigint[])))
      and ${due}
  ),
  wanted as materialized (
    select distinct s.type, cast($4 as bigint) as room from standing s
  ),
  healthy as materialized (
    select s.id, s.type, s.owner, s.claim, s.next_attempt_at, s.lost_attempts, false as spare
    from standing s
    where s.free and s.lost_attempts = 0
  ),
  troubled as materialized (
    select s.id, s.type, s.owner, s.claim, s.next_attempt_at, s.lost_attempts, coalesce(s.dead, false) as dead
    from standing s
    where (s.free and s.lost_attempts = 1) or s.dead
  )`;

/** Drops what has changed since it was seen: it was locked as it is now, and is compared as it is now. */
const unchanged = (locked: string, seen: string): string => `from ${locked} l
    join ${seen} c
      on c.id = l.id
      and l.owner is not distinct from c.owner
      and l.claim is not distinct from c.claim
      and l.next_attempt_at = c.next_attempt_at
      and l.lost_attempts = c.lost_attempts`;

/**
 * From candidates to claimed tasks: lock, cut by type, number and bytes, write once, tell the losses. `= any` over ids
 * keeps each reading at the primary key, page by page, whatever the planner thinks of joins.
 */
const taken = (names: Names): string => [locks(names), choice(names), writes(names)].join(",\n  ");

const locks = (names: Names): string => `first_locked as materialized (
    select ${columns}
    from ${names.pending} p
    where p.id = any (array(select h.id from healthy h))
    order by p.id in (select h.id from healthy h where h.spare), p.next_attempt_at, p.id
    limit cast($4 as bigint)
    for update skip locked
  ),
  locked_healthy as materialized (
    select l.id, l.type, l.next_attempt_at
    ${unchanged("first_locked", "healthy")}
  ),
  then_locked as materialized (
    select ${columns}, p.generation
    from ${names.pending} p
    where p.id = any (array(select t.id from troubled t))
    order by p.id
    for update skip locked
  ),
  locked_troubled as materialized (
    select l.id, l.type, l.next_attempt_at, l.owner, l.claim, l.generation, c.dead,
      l.lost_attempts + case when c.dead then 1 else 0 end as lost_attempts
    ${unchanged("then_locked", "troubled")}
  )`;

/** Cut by suspects, by type, by number and by bytes; the oldest is taken whatever its size. */
const choice = (names: Names): string => `takeable as materialized (
    select h.id, h.type, h.next_attempt_at from locked_healthy h
    union all
    select s.id, s.type, s.next_attempt_at
    from (
      select l.id, l.type, l.next_attempt_at
      from locked_troubled l
      where l.lost_attempts = 1
      order by l.next_attempt_at, l.id
      limit cast($6 as bigint)
    ) s
  ),
  roomy as materialized (
    select r.*
    from (
      select t.*, row_number() over (partition by t.type order by t.next_attempt_at, t.id) as of_type
      from takeable t
    ) r
    join wanted w on w.type = r.type
    where r.of_type <= w.room
  ),
  content as materialized (
    select k.id, k.task_id, k.type, k.data, k.codec, k.reference_id, k.headers, k.created_at
    from ${names.task} k
    where k.id = any (array(select r.id from roomy r))
  ),
  chosen as materialized (
    select b.*
    from (
      select
        k.*,
        row_number() over due_order as place,
        sum(coalesce(octet_length(k.data), 0)) over due_order as bytes
      from roomy r
      join content k on k.id = r.id
      window due_order as (order by r.next_attempt_at, r.id rows unbounded preceding)
    ) b
    where b.place <= cast($4 as bigint)
      and (b.place = 1 or b.bytes <= cast($5 as bigint))
  ),
  verdict as materialized (
    select c.id, true as is_taken, cast(null as timestamptz) as next_attempt_at
    from chosen c
    union all
    select l.id, false, case
      when l.lost_attempts >= 2
      then i.at + least(1000 * 2 ^ least(l.lost_attempts - 2, 30), 300000) * interval '1 millisecond'
    end
    from locked_troubled l
    cross join instant i
    where l.dead and l.id not in (select c.id from chosen c)
  )`;

const writes = (names: Names): string => `moved as (
    update ${names.pending} p
    set
      owner = case when v.is_taken then cast($1 as bigint) end,
      claim = case when v.is_taken then cast($2 as bigint) end,
      next_attempt_at = coalesce(v.next_attempt_at, p.next_attempt_at),
      lost_attempts = p.lost_attempts + case when l.dead then 1 else 0 end
    from verdict v
    left join locked_troubled l on l.id = v.id
    where p.id = v.id
      and p.id = any (array(select s.id from verdict s))
    returning p.id, p.generation, p.failed_attempts, p.lost_attempts, p.deferred_attempts, p.since, p.deferred_since
  ),
  lost as (
    insert into ${names.attempt} (id, outcome, generation, owner, claim, accepted, recorded_at)
    select l.id, 'lost', l.generation, l.owner, l.claim, true, i.at
    from locked_troubled l
    cross join instant i
    where l.dead
  )`;

const claimedColumns = `cast(c.id as text) as id,
  c.task_id,
  c.type,
  encode(c.data, 'base64') as data,
  coalesce(c.codec, 'json') as codec,
  c.reference_id,
  cast(c.headers as text) as headers,
  cast(m.generation as text) as generation,
  cast(coalesce(m.failed_attempts, 0) as text) as failed_attempts,
  cast(m.lost_attempts as text) as lost_attempts,
  cast(coalesce(m.deferred_attempts, 0) as text) as deferred_attempts,
  ${inMilliseconds("(select i.at from instant i)")} as now_ms,
  ${inMilliseconds("coalesce(m.since, c.created_at)")} as since_ms,
  ${inMilliseconds("m.deferred_since")} as deferred_since_ms`;

/** One row is always answered: it tells whether a task waits to be claimed alone. */
const answer = (names: Names): string => `select
  cast(a.due as text) as alone_due,
  ${claimedColumns}
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
  ${[instantOf("$7"), namedTypes, neverLost(names), troubledOf(names), taken(names)].join(",\n  ")}
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
  ${[instantOf("$7"), namedTypes, aloneOf(names), taken(names)].join(",\n  ")}
${answer(names)}`,
});

/** Claims one task that was lost twice or more, of any type. $4 is 1 and $6 is 0. */
export const claimAloneEveryType = (names: Names): Statement => ({
  name: "owed_claim_alone_every_type",
  text: `with recursive
  ${[instantOf("$7"), everyType(names), aloneOf(names), taken(names)].join(",\n  ")}
${answer(names)}`,
});

/** Claims the named tasks: $8 the types' numbers or null for any, $9 the task ids. */
export const claimById = (names: Names): Statement => ({
  name: "owed_claim_by_id",
  text: `with
  ${[instantOf("$7"), byIdOf(names), taken(names)].join(",\n  ")}
select
  ${claimedColumns}
from chosen c
join moved m on m.id = c.id
order by c.place`,
});
