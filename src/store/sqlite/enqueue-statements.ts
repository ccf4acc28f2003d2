/** Statements on a user's transaction, and the question what became of it. */

/**
 * Answers the new id, or no row when the task stands already. SQLite takes its sequence back with a rollback, so the
 * id also goes beyond :last_id, what this process was given last: an id that it has noted never means another task.
 */
export const insertTask = `insert into owed_task (id, task_id, type, key, data, codec, reference_id, created_at, headers)
values (
  max(coalesce((select seq from sqlite_sequence where name = 'owed_task'), 0), :last_id) + 1,
  :task_id,
  :type,
  :key,
  :data,
  :codec,
  :reference_id,
  :now,
  :headers
)
on conflict (task_id) do nothing
returning cast(id as text) as id`;

/** Makes a new task owed. */
export const insertPending = `insert into owed_pending (id, type_hash, key_hash, next_attempt_at, first_due_at, owner, claim)
values (:id, :type_hash, :key_hash, :due, :due, :owner, :claim)`;

/** Compares what stands with what was to be inserted. Erased data cannot be compared, so the type alone decides then. */
export const compareTask = `select
  cast(id as text) as id,
  type = :type and (data is null or data = :data) as is_same
from owed_task
where task_id = :task_id`;

/** Takes back what a refused call has inserted, in its own transaction. */
export const deletePendingOfCall = "delete from owed_pending where id = :id";

/** As above. */
export const deleteTaskOfCall = "delete from owed_task where id = :id";

/** Answers a row when the task stands under its token. */
export const findClaim = `select 1 as found
from owed_pending
where id = :id
  and owner = :owner
  and claim = :claim
  and generation = :generation`;
