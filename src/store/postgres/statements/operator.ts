/** Statements of operators: what a person, a dashboard or the command line asks for. */
import type { Names } from "../identifier.ts";
import { inMilliseconds, type Statement } from "./statement.ts";

/** What `taskOf` reads, from the view as v. */
export const taskColumns: string = `v.task_id,
  v.type,
  v.key,
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
 * The operations are functions, with the rights of the owner: a role that may call them needs none to the tables. $1 task
 * id, $2 now in ms, $3 its generation, or null for any; $4 who does it, or null for no record, $5 by which way, $6 why.
 * Each answers the task if it was moved.
 */
const operation = (name: string, operationFunction: string): Statement => ({
  name,
  unpinned: "in a transaction",
  text: `select cast(o.id as text) as id
from ${operationFunction}($1, cast($2 as double precision), cast($3 as integer), $4, $5, $6) o`,
});

/** Pending becomes cancelled, whatever its claim. */
export const cancelTask = (names: Names): Statement => operation("owed_cancel_task", names.cancelTask);

/** Failed or cancelled becomes pending, unless its data was erased. */
export const redriveTask = (names: Names): Statement => operation("owed_redrive_task", names.redriveTask);

/** Removes the data of a settled task. */
export const eraseTask = (names: Names): Statement => operation("owed_erase_task", names.eraseTask);

/** Deletes a failed or cancelled task with its story, and counts it as pruned. */
export const deleteTask = (names: Names): Statement => operation("owed_delete_task", names.deleteTask);
