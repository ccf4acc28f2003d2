/** Statements behind what people do to tasks. */

/** Where a task stands. */
export const findTask = `select
  t.id,
  t.type,
  t.key,
  t.reference_id,
  case when p.id is not null then 'pending' else s.state end as state,
  t.data is null as is_erased,
  coalesce(p.generation, s.generation) as generation
from owed_task t
left join owed_pending p on p.id = t.id
left join owed_settled s on s.id = t.id
where t.task_id = :task_id`;

/** Records a cancellation with the counters the task had. */
export const cancelPending = `insert into owed_settled (
  id, state, settled_at, generation, failed_attempts, lost_attempts, deferred_attempts
)
select id, 'cancelled', :now, generation, failed_attempts, lost_attempts, deferred_attempts
from owed_pending
where id = :id`;

/** Ends being owed. */
export const deletePending = "delete from owed_pending where id = :id";

/** Makes a settled task owed again, in its next generation. */
export const reopenSettled = `insert into owed_pending (id, type_hash, key_hash, next_attempt_at, first_due_at, generation)
select id, :type_hash, :key_hash, :now, :now, generation + 1
from owed_settled
where id = :id`;

/** Forgets how a task had ended, since it is owed again. */
export const deleteSettled = "delete from owed_settled where id = :id";

/** The one update of a task that there is. */
export const eraseData = "update owed_task set data = null where id = :id";

/** Settled longest ago first. Failed tasks are not in this index, and pending ones not in this table. */
export const findPrunable = `select id, state
from owed_settled indexed by owed_settled_prunable
where state <> 'failed'
  and settled_at < :before
order by settled_at, id
limit :limit`;

/** How many there are, up to a bound. */
export const countPrunable = `select count(*) as number
from (
  select 1
  from owed_settled indexed by owed_settled_prunable
  where state <> 'failed'
    and settled_at < :before
  limit :limit
)`;

/** The stories go with their tasks. */
export const pruneAttempts = "delete from owed_attempt where task in (select value from json_each(:ids))";

/** Only what is settled, and did not fail. */
export const pruneSettled = `delete from owed_settled
where id in (select value from json_each(:ids))
  and state <> 'failed'`;

/** Ends the retention of tasks. */
export const pruneTasks = "delete from owed_task where id in (select value from json_each(:ids))";

/** Counts what rows cannot tell any more. */
export const addPruned = "update owed_pruned set tasks = tasks + :number";

/** Keeps the number of confirmed tasks. */
export const subtractConfirmed = "update owed_confirmed set tasks = tasks - :number";
