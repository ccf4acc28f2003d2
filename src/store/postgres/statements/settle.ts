/** Statements that write outcomes. Each names the token it acts under, and locks ids in order. */
import type { Names } from "../identifier.ts";
import { boundedWait } from "./bounds.ts";
import { instantOf, type Statement } from "./statement.ts";

/** History of confirmed tasks: one row for each bucket of ids and process, made from the rows that were deleted. */
const history = (names: Names, source: string): string => `history as (
    insert into ${names.confirmed} (bucket, settled_at, owner, ids, generations)
    select
      h.id / 1024,
      i.at,
      h.owner,
      array_agg(h.id order by h.id),
      case when max(h.generation) > 1 then array_agg(h.generation order by h.id) end
    from ${source} h
    cross join instant i
    group by h.id / 1024, i.at, h.owner
  )`;

const confirmed = (names: Names, condition: string): string => `with
  ${instantOf("$5")},
  ended as (
    delete from ${names.pending} p
    using unnest(cast($1 as bigint[]), cast($2 as bigint[]), cast($3 as bigint[]), cast($4 as integer[]))
      as g (id, owner, claim, generation)
    where p.id = g.id
      and p.owner = g.owner
      and p.claim = g.claim
      and p.generation = g.generation
      and p.id = any (cast($1 as bigint[]))${condition}
    returning p.id, p.owner, p.generation
  ),
  ${history(names, "ended")}
select cast(e.id as text) as id
from ended e`;

/**
 * Successes under their current token: $1 ids in ascending order, $2 owners, $3 claims, $4 generations, $5 now in ms.
 * Answers the ids that were confirmed. Deleting without locking first saves 56 bytes of WAL a task; a row somebody has
 * locked is waited for, up to the lock timeout, and then `confirmUnlocked` is for the others.
 */
export const confirmCurrent = (names: Names): Statement => ({
  name: "owed_confirm_current",
  text: confirmed(names, ""),
  unpinned: { text: confirmed(names, `\n      and ${boundedWait}`) },
});

/** The same, and passes over rows that are locked. */
export const confirmUnlocked = (names: Names): Statement => ({
  name: "owed_confirm_unlocked",
  text: `with
  ${instantOf("$5")},
  locked as materialized (
    select p.id, p.owner, p.claim, p.generation
    from ${names.pending} p
    where p.id = any (cast($1 as bigint[]))
    order by p.id
    for update skip locked
  ),
  ended as (
    delete from ${names.pending} p
    using unnest(cast($1 as bigint[]), cast($2 as bigint[]), cast($3 as bigint[]), cast($4 as integer[]))
      as g (id, owner, claim, generation), locked l
    where p.id = g.id
      and p.id = any (cast($1 as bigint[]))
      and l.id = g.id
      and l.owner = g.owner
      and l.claim = g.claim
      and l.generation = g.generation
    returning p.id, p.owner, p.generation
  ),
  ${history(names, "ended")}
select cast(e.id as text) as id
from ended e`,
});

/** The outcomes whose token is current, their rows locked. */
const heldOutcomes = (names: Names): string => `locked as materialized (
    select p.id, p.owner, p.claim, p.generation
    from ${names.pending} p
    where p.id = any (cast($1 as bigint[]))
    order by p.id
    for update skip locked
  ),
  held as materialized (
    select g.*
    from unnest(
      cast($1 as bigint[]), cast($2 as bigint[]), cast($3 as bigint[]), cast($4 as integer[]),
      cast($5 as text[]), cast($6 as double precision[]), cast($7 as text[]), cast($8 as text[]),
      cast($9 as text[]), cast($10 as bigint[]), cast($11 as text[])
    ) as g (id, owner, claim, generation, kind, delay_ms, counted, reason, error, duration_ms, outcome)
    join locked l
      on l.id = g.id
      and l.owner = g.owner
      and l.claim = g.claim
      and l.generation = g.generation
  )`;

const givenBack = (names: Names): string => `given_back as (
    update ${names.pending} p
    set
      owner = null,
      claim = null,
      next_attempt_at = i.at + h.delay_ms * interval '1 millisecond',
      failed_attempts = case
        when h.counted = 'failed' then coalesce(p.failed_attempts, 0) + 1
        else p.failed_attempts
      end,
      deferred_attempts = case
        when h.counted = 'deferred' then coalesce(p.deferred_attempts, 0) + 1
        else p.deferred_attempts
      end,
      deferred_since = case
        when h.counted = 'deferred' then coalesce(p.deferred_since, i.at)
        else p.deferred_since
      end
    from held h
    cross join instant i
    where p.id = h.id
      and p.id = any (array(select s.id from held s))
      and h.kind in ('retry', 'release')
  )`;

/**
 * Outcomes of every kind under their current token: $1 ids, $2 owners, $3 claims, $4 generations, $5 kinds, $6 delays in
 * ms, $7 what is counted (failed, deferred or null), $8 reasons, $9 errors, $10 durations, $11 outcomes for the story,
 * $12 now in ms. Answers the ids that were written.
 */
export const settleCurrent = (names: Names): Statement => ({
  name: "owed_settle_current",
  text: `with
  ${instantOf("$12")},
  ${heldOutcomes(names)},
  ended as (
    delete from ${names.pending} p
    using held h
    where p.id = h.id
      and p.id = any (array(select s.id from held s))
      and h.kind in ('confirm', 'fail')
    returning p.id, p.type, p.generation, p.failed_attempts, p.lost_attempts, p.deferred_attempts,
      h.owner, h.kind, h.counted, h.reason, h.error
  ),
  ${givenBack(names)},
  confirmed as (
    select e.id, e.owner, e.generation from ended e where e.kind = 'confirm'
  ),
  ${history(names, "confirmed")},
  failed as (
    insert into ${names.settled} (id, type, state, settled_at, generation, failed_attempts, lost_attempts,
      deferred_attempts, reason, error)
    select e.id, e.type, 'failed', i.at, e.generation,
      coalesce(e.failed_attempts, 0) + case when e.counted = 'failed' then 1 else 0 end, e.lost_attempts,
      coalesce(e.deferred_attempts, 0), e.reason, cast(e.error as json)
    from ended e
    cross join instant i
    where e.kind = 'fail'
  ),
  story as (
    insert into ${names.attempt} (id, outcome, generation, owner, claim, accepted, recorded_at, duration_ms, error)
    select h.id, h.outcome, h.generation, h.owner, h.claim, true, i.at, h.duration_ms, cast(h.error as json)
    from held h
    cross join instant i
    where h.outcome is not null
  )
select cast(h.id as text) as id
from held h`,
});

/** Locks the pending rows of a settlement that did not go straight through: $1 ids. Waits for whoever holds them. */
export const lockPending = (names: Names): Statement => ({
  name: "owed_lock_pending",
  text: `select
  cast(p.id as text) as id,
  cast(p.owner as text) as owner,
  cast(p.claim as text) as claim,
  cast(p.generation as text) as generation
from ${names.pending} p
where p.id = any (cast($1 as bigint[]))
order by p.id
for update`,
});

/** Locks the failed and cancelled rows: $1 ids. */
export const lockSettled = (names: Names): Statement => ({
  name: "owed_lock_settled",
  text: `select
  cast(s.id as text) as id,
  s.state,
  cast(s.generation as text) as generation
from ${names.settled} s
where s.id = any (cast($1 as bigint[]))
order by s.id
for update`,
});

/** The confirmed among the ids, with the process that was the first to succeed: $1 ids. */
export const readConfirmed = (names: Names): Statement => ({
  name: "owed_read_confirmed",
  text: `select
  cast(g.id as text) as id,
  cast(coalesce(c.generations[array_position(c.ids, g.id)], 1) as text) as generation,
  cast(c.owner as text) as owner
from unnest(cast($1 as bigint[])) as g (id)
join ${names.confirmed} c
  on c.bucket = g.id / 1024
  and g.id = any (c.ids)`,
});

/**
 * The stories of the ids under the tokens given, and the late success that confirmed one, whoever had it: $1 ids, $2 owners,
 * $3 claims, $4 generations.
 */
export const readStories = (names: Names): Statement => ({
  name: "owed_read_stories",
  text: `select
  cast(a.id as text) as id,
  cast(a.owner as text) as owner,
  cast(a.claim as text) as claim,
  cast(a.generation as text) as generation,
  a.outcome,
  cast(a.accepted as text) as accepted
from unnest(cast($1 as bigint[]), cast($2 as bigint[]), cast($3 as bigint[]), cast($4 as integer[]))
  as g (id, owner, claim, generation)
join ${names.attempt} a
  on a.id = g.id
  and a.generation = g.generation
  and (
    (a.owner = g.owner and a.claim = g.claim)
    or (a.outcome = 'late-success' and a.accepted)
  )`,
});

/** Late successes that confirm: $1 ids, $2 owners, $3 claims, $4 generations, $5 durations, $6 now in ms. */
export const confirmLate = (names: Names): Statement => ({
  name: "owed_confirm_late",
  text: `with
  ${instantOf("$6")},
  given as materialized (
    select g.*
    from unnest(cast($1 as bigint[]), cast($2 as bigint[]), cast($3 as bigint[]), cast($4 as integer[]),
      cast($5 as bigint[])) as g (id, owner, claim, generation, duration_ms)
  ),
  ended as (
    delete from ${names.pending} p
    using given g
    where p.id = g.id
      and p.generation = g.generation
      and p.id = any (cast($1 as bigint[]))
    returning p.id, g.owner, p.generation
  ),
  forgiven as (
    delete from ${names.settled} s
    using given g
    where s.id = g.id
      and s.generation = g.generation
      and s.state = 'failed'
      and s.id = any (cast($1 as bigint[]))
    returning s.id, g.owner, s.generation
  ),
  confirmed as (
    select e.id, e.owner, e.generation from ended e
    union all
    select f.id, f.owner, f.generation from forgiven f
  ),
  ${history(names, "confirmed")},
  story as (
    insert into ${names.attempt} (id, outcome, generation, owner, claim, accepted, recorded_at, duration_ms)
    select g.id, 'late-success', g.generation, g.owner, g.claim, true, i.at, g.duration_ms
    from given g
    join confirmed c on c.id = g.id
    cross join instant i
  )
select cast(c.id as text) as id
from confirmed c`,
});

/** Outcomes that change nothing and are kept for the record: as in `settleCurrent`, $1 to $4, $5 durations, $6 outcomes, $7 errors, $8 now in ms. */
export const recordSuperseded = (names: Names): Statement => ({
  name: "owed_record_superseded",
  text: `with ${instantOf("$8")}
insert into ${names.attempt} (id, outcome, generation, owner, claim, accepted, recorded_at, duration_ms, error)
select g.id, g.outcome, g.generation, g.owner, g.claim, false, i.at, g.duration_ms, cast(g.error as json)
from unnest(cast($1 as bigint[]), cast($2 as bigint[]), cast($3 as bigint[]), cast($4 as integer[]),
  cast($5 as bigint[]), cast($6 as text[]), cast($7 as text[]))
  as g (id, owner, claim, generation, duration_ms, outcome, error)
join ${names.task} t on t.id = g.id
cross join instant i`,
});

/** Which of the ids are kept, and mean the same task as when it was claimed: $1 ids, $2 task ids. */
export const keptTasks = (names: Names): Statement => ({
  name: "owed_kept_tasks",
  text: `select cast(t.id as text) as id
from unnest(cast($1 as bigint[]), cast($2 as text[])) as g (id, task_id)
join ${names.task} t
  on t.id = g.id
  and t.task_id = g.task_id`,
});
