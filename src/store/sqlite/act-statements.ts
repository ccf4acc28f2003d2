/** Statements about what people did. */

/** Puts an act on record. */
export const insertAct = `insert into owed_act (
  at, actor, via, action, task_id, type, reference_id, generation, state, outcome, reason
)
values (
  :at, :actor, :via, :action, :task_id, :type, :reference_id, :generation, :state, :outcome, :reason
)`;

const page = (from: string): string => `select
  number,
  at,
  actor,
  via,
  action,
  task_id,
  type,
  reference_id,
  generation,
  state,
  outcome,
  reason
from ${from}
  and number < :before
order by number desc
limit :limit`;

/** All acts, newest first, behind the number :before. */
export const actsPage: string = page("owed_act\nwhere true");
/** Those of one task; of one person if :actor is given. */
export const actsOfTask: string = page(`owed_act indexed by owed_act_task
where task_id = :task_id
  and actor = coalesce(:actor, actor)`);
/** Those of one person. */
export const actsOfActor: string = page("owed_act indexed by owed_act_actor\nwhere actor = :actor");
