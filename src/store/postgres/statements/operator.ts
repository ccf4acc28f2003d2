/** Statements of operators: what a person, a dashboard or the command line asks for. */
import type { Names } from "../identifier.ts";
import { acted } from "./act.ts";
import { removal } from "./prune.ts";
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
  v.type,
  v.reference_id,
  cast(v.generation as text) as generation,
  cast(v.data is null as text) as erased
from ${names.taskState} v
where v.task_id = $1`,
});

/**
 * Pending becomes cancelled, whatever its claim. Here as in the next: $1 task id, $2 now in ms, $3 its generation, or null
 * for any; $4 who does it, or null for no record, $5 by which way, $6 why.
 */
export const cancelTask = (names: Names): Statement => ({
  name: "owed_cancel_task",
  unpinned: "in a transaction",
  text: `with
  ${instantOf("$2")},
  changed as (
    delete from ${names.pending} p
    using ${names.task} t
    where t.task_id = $1
      and p.id = t.id
      and p.generation = coalesce(cast($3 as integer), p.generation)
    returning p.id, p.type, p.generation, p.failed_attempts, p.lost_attempts, p.deferred_attempts,
      'pending' as state, t.task_id, t.type as type_name, t.reference_id
  ),
  cancelled as (
    insert into ${names.settled} (id, type, state, settled_at, generation, failed_attempts, lost_attempts,
      deferred_attempts)
    select c.id, c.type, 'cancelled', i.at, c.generation, coalesce(c.failed_attempts, 0), c.lost_attempts,
      coalesce(c.deferred_attempts, 0)
    from changed c
    cross join instant i
  ),
  ${acted(names, "cancel", 4)}
select cast(c.id as text) as id
from changed c`,
});

/** The task's row is locked first, as an erasure does it, so that no task becomes pending without its data. */
const locked = (names: Names, condition: string): string => `standing as materialized (
    select t.id, t.task_id, t.type, t.reference_id
    from ${names.task} t
    where t.task_id = $1${condition}
    for update
  )`;

/** Failed or cancelled becomes pending. */
export const redriveTask = (names: Names): Statement => ({
  name: "owed_redrive_task",
  unpinned: "in a transaction",
  text: `with
  ${instantOf("$2")},
  ${locked(names, "\n      and t.data is not null")},
  changed as (
    delete from ${names.settled} s
    using standing t
    where s.id = t.id
      and s.generation = coalesce(cast($3 as integer), s.generation)
    returning s.id, s.type, s.generation, s.state, t.task_id, t.type as type_name, t.reference_id
  ),
  owed as (
    insert into ${names.pending} (id, type, next_attempt_at, since, generation)
    select c.id, c.type, i.at, i.at, c.generation + 1
    from changed c
    cross join instant i
  ),
  ${acted(names, "redrive", 4)}
select cast(c.id as text) as id
from changed c`,
});

/** Removes the data of a settled task. Locks in the same order as a redrive. */
export const eraseTask = (names: Names): Statement => ({
  name: "owed_erase_task",
  unpinned: "in a transaction",
  text: `with
  ${instantOf("$2")},
  ${locked(names, "")},
  ended as materialized (
    select s.id, s.state, s.generation
    from ${names.settled} s
    where s.id in (select t.id from standing t)
      and s.generation = coalesce(cast($3 as integer), s.generation)
    for update
  ),
  settled as (
    select e.id, e.state, e.generation
    from ended e
    union all
    select t.id, 'confirmed', coalesce(c.generations[array_position(c.ids, t.id)], 1)
    from standing t
    join ${names.confirmed} c on c.bucket = t.id / 1024 and t.id = any (c.ids)
    where coalesce(cast($3 as integer) = coalesce(c.generations[array_position(c.ids, t.id)], 1), true)
  ),
  changed as (
    update ${names.task} t
    set data = null
    from settled s
    where t.id = s.id
    returning t.id, s.state, s.generation, t.task_id, t.type as type_name, t.reference_id
  ),
  ${acted(names, "erase", 4)}
select cast(c.id as text) as id
from changed c`,
});

/** Deletes a failed or cancelled task with its story, and counts it as pruned. Locks in the same order as a redrive. */
export const deleteTask = (names: Names): Statement => ({
  name: "owed_delete_task",
  unpinned: "in a transaction",
  text: `with
  ${instantOf("$2")},
  ${locked(names, "")},
  changed as (
    delete from ${names.settled} s
    using standing t
    where s.id = t.id
      and s.generation = coalesce(cast($3 as integer), s.generation)
    returning s.id, s.state, s.generation, t.task_id, t.type as type_name, t.reference_id
  ),
  doomed as (
    select c.id
    from changed c
  ),
  ${removal(names)},
  ${acted(names, "delete", 4)}
select cast(c.id as text) as id
from changed c`,
});
