/** Statements of operators: what a person, a dashboard or the command line asks for. */
import type { Names } from "../identifier.ts";
import { inMilliseconds, instantOf, type Statement } from "./statement.ts";

/** What `taskOf` reads, from the view as v. */
export const taskColumns: string = `v.task_id,
  v.type,
  v.state,
  encode(v.data, 'base64') as data,
  v.codec,
  v.reference_id,
  cast(v.headers as text) as headers,
  cast(v.generation as text) as generation,
  cast(v.failed_attempts as text) as failed_attempts,
  cast(v.lost_attempts as text) as lost_attempts,
  cast(v.deferred_attempts as text) as deferred_attempts,
  ${inMilliseconds("v.next_attempt_at")} as next_attempt_ms,
  cast(v.owner as text) as owner,
  ${inMilliseconds("v.created_at")} as created_ms,
  ${inMilliseconds("v.settled_at")} as settled_ms,
  v.failure_reason,
  cast(v.last_error as text) as last_error`;

/** One task with the story of its attempts as a JSON list: $1 task id. */
export const getTask = (names: Names): Statement => ({
  name: "owed_get_task",
  text: `select
  ${taskColumns},
  (
    select cast(json_agg(json_build_array(
      a.outcome,
      a.generation,
      cast(a.owner as text),
      a.claim,
      a.error,
      a.accepted,
      floor(extract(epoch from a.recorded_at) * 1000),
      a.duration_ms
    ) order by a.number) as text)
    from ${names.attempt} a
    where a.id = v.id
  ) as attempts
from ${names.taskState} v
where v.task_id = $1`,
});

/** Where a task stands: $1 task id. */
export const getState = (names: Names): Statement => ({
  name: "owed_get_state",
  text: `select
  v.state,
  cast(v.generation as text) as generation,
  cast(v.data is null as text) as erased
from ${names.taskState} v
where v.task_id = $1`,
});

/** Pending becomes cancelled, whatever its claim: $1 task id, $2 now in ms, $3 its generation, or null for any. */
export const cancelTask = (names: Names): Statement => ({
  name: "owed_cancel_task",
  unpinned: "in a transaction",
  text: `with
  ${instantOf("$2")},
  ended as (
    delete from ${names.pending} p
    using ${names.task} t
    where t.task_id = $1
      and p.id = t.id
      and p.generation = coalesce(cast($3 as integer), p.generation)
    returning p.id, p.type, p.generation, p.failed_attempts, p.lost_attempts, p.deferred_attempts
  ),
  cancelled as (
    insert into ${names.settled} (id, type, state, settled_at, generation, failed_attempts, lost_attempts,
      deferred_attempts)
    select e.id, e.type, 'cancelled', i.at, e.generation, coalesce(e.failed_attempts, 0), e.lost_attempts,
      coalesce(e.deferred_attempts, 0)
    from ended e
    cross join instant i
  )
select cast(e.id as text) as id
from ended e`,
});

/**
 * Failed or cancelled becomes pending: $1 task id, $2 now in ms, $3 its generation, or null for any. The task's row is locked first, as an erasure does it,
 * so that no task becomes pending without its data.
 */
export const redriveTask = (names: Names): Statement => ({
  name: "owed_redrive_task",
  unpinned: "in a transaction",
  text: `with
  ${instantOf("$2")},
  standing as materialized (
    select t.id
    from ${names.task} t
    where t.task_id = $1
      and t.data is not null
    for update
  ),
  reopened as (
    delete from ${names.settled} s
    using standing t
    where s.id = t.id
      and s.generation = coalesce(cast($3 as integer), s.generation)
    returning s.id, s.type, s.generation
  ),
  owed as (
    insert into ${names.pending} (id, type, next_attempt_at, since, generation)
    select r.id, r.type, i.at, i.at, r.generation + 1
    from reopened r
    cross join instant i
  )
select cast(r.id as text) as id
from reopened r`,
});

/** Removes the data of a settled task: $1 task id, $2 its generation, or null for any. Locks in the same order as a redrive. */
export const eraseTask = (names: Names): Statement => ({
  name: "owed_erase_task",
  unpinned: "in a transaction",
  text: `with
  standing as materialized (
    select t.id
    from ${names.task} t
    where t.task_id = $1
    for update
  ),
  ended as materialized (
    select s.id
    from ${names.settled} s
    where s.id in (select t.id from standing t)
      and s.generation = coalesce(cast($2 as integer), s.generation)
    for update
  )
update ${names.task} t
set data = null
where t.id in (select s.id from standing s)
  and (
    t.id in (select e.id from ended e)
    or exists (
      select
      from ${names.confirmed} c
      where c.bucket = t.id / 1024
        and t.id = any (c.ids)
        and coalesce(cast($2 as integer) = coalesce(c.generations[array_position(c.ids, t.id)], 1), true)
    )
  )
returning cast(t.id as text) as id`,
});
