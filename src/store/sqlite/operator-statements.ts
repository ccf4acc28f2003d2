/** Statements behind what people do to tasks. */

/** Where a task stands. */
export const findTask = `select
  t.id,
  case when p.id is not null then 'pending' else s.state end as state,
  t.data is null as is_erased
from owed_task t
left join owed_pending p on p.id = t.id
left join owed_settled s on s.id = t.id
where t.task_id = :task_id`;

export const cancelPending = `insert into owed_settled (
  id, state, settled_at, generation, failed_attempts, lost_attempts, deferred_attempts
)
select id, 'cancelled', :now, generation, failed_attempts, lost_attempts, deferred_attempts
from owed_pending
where id = :id`;

export const deletePending = "delete from owed_pending where id = :id";

export const reopenSettled = `insert into owed_pending (id, type_hash, next_attempt_at, first_due_at, generation)
select id, :type_hash, :now, :now, generation + 1
from owed_settled
where id = :id`;

export const deleteSettled = "delete from owed_settled where id = :id";

export const readType = "select type from owed_task where id = :id";

export const eraseData = "update owed_task set data = null where id = :id";

/** Settled longest ago first. Failed tasks are not in this index, and pending ones not in this table. */
export const findPrunable = `select id, state
from owed_settled indexed by owed_settled_prunable
where state <> 'failed'
  and settled_at < :before
order by settled_at, id
limit :limit`;

export const pruneAttempts = "delete from owed_attempt where task in (select value from json_each(:ids))";

export const pruneSettled = `delete from owed_settled
where id in (select value from json_each(:ids))
  and state <> 'failed'`;

export const pruneTasks = "delete from owed_task where id in (select value from json_each(:ids))";

export const addPruned = "update owed_pruned set tasks = tasks + :number";

export const subtractConfirmed = "update owed_confirmed set tasks = tasks - :number";
