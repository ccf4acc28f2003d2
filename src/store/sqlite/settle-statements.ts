/** Statements that write outcomes. Every one that changes a pending task names the token under which it may. */

/** Deletes a pending task under its token, answers its counters. */
export const endUnderToken = `delete from owed_pending
where id = :id
  and owner = :owner
  and claim = :claim
  and generation = :generation
returning failed_attempts, lost_attempts, deferred_attempts`;

/** Deletes a pending task of a generation, whoever holds it: a success dominates. */
export const endUnderGeneration = `delete from owed_pending
where id = :id
  and generation = :generation
returning failed_attempts, lost_attempts, deferred_attempts`;

/** The one row a success leaves. */
export const insertConfirmed = `insert into owed_settled (
  id, state, settled_at, generation, failed_attempts, lost_attempts, deferred_attempts, owner, claim
)
values (
  :id, 'confirmed', :now, :generation, :failed_attempts, :lost_attempts, :deferred_attempts, :owner, :claim
)`;

/** A failure with its reason and last error. */
export const insertFailed = `insert into owed_settled (
  id, state, settled_at, generation, failed_attempts, lost_attempts, deferred_attempts, owner, claim,
  failure_reason, error
)
values (
  :id, 'failed', :now, :generation, :failed_attempts, :lost_attempts, :deferred_attempts, :owner, :claim,
  :failure_reason, :error
)`;

/** A success of the same generation came after the failure. */
export const confirmFailed = `update owed_settled
set state = 'confirmed', settled_at = :now, owner = :owner, claim = :claim, failure_reason = null, error = null
where id = :id
  and generation = :generation
  and state = 'failed'`;

/** Another attempt after a failure. */
export const retryFailed = `update owed_pending
set owner = null,
  claim = null,
  next_attempt_at = :due,
  failed_attempts = failed_attempts + 1
where id = :id
  and owner = :owner
  and claim = :claim
  and generation = :generation`;

/** Another attempt after a deferral; the first is remembered. */
export const retryDeferred = `update owed_pending
set owner = null,
  claim = null,
  next_attempt_at = :due,
  deferred_attempts = deferred_attempts + 1,
  deferred_since = coalesce(deferred_since, :now)
where id = :id
  and owner = :owner
  and claim = :claim
  and generation = :generation`;

/** Gives a task back without cost. */
export const releaseClaim = `update owed_pending
set owner = null, claim = null, next_attempt_at = :now
where id = :id
  and owner = :owner
  and claim = :claim
  and generation = :generation`;

/** Where a task stands; no row when it is not kept. is_mine: it was ended under this token. */
export const readStanding = `select
  case when s.id is null then 'pending' else s.state end as state,
  coalesce(s.owner = :owner and s.claim = :claim and s.generation = :generation, 0) as is_mine
from owed_task t
left join owed_settled s on s.id = t.id
where t.id = :id
  and t.task_id = :task_id`;

/** A pending task under its token. */
export const findHeld = `select id
from owed_pending
where id = :id
  and owner = :owner
  and claim = :claim
  and generation = :generation`;

/** What this claim has left in the story of the task, of one outcome. */
export const findAttempt = `select accepted
from owed_attempt
where task = :id
  and owner = :owner
  and claim = :claim
  and generation = :generation
  and outcome = :outcome
limit 1`;

/** One line of a story. */
export const insertAttempt = `insert into owed_attempt (
  task, outcome, generation, owner, claim, accepted, recorded_at, duration_ms, error
)
values (:id, :outcome, :generation, :owner, :claim, :accepted, :now, :duration_ms, :error)`;

/** Keeps the number of confirmed tasks. */
export const addConfirmed = "update owed_confirmed set tasks = tasks + :number";
