/** Statements behind what people and gauges read. */
import type { ListRequest } from "../contract.ts";

/** What stands about a task, by the view that people see; completed by where the ids come from. */
const taskColumns = `select
  v.task_id,
  v.type,
  v.key,
  v.data,
  v.codec,
  v.reference_id,
  v.headers,
  v.created_at,
  v.state,
  v.generation,
  v.failed_attempts,
  v.lost_attempts,
  v.deferred_attempts,
  v.next_attempt_at,
  cast(v.owner as text) as owner,
  v.settled_at,
  v.failure_reason,
  v.last_error`;

/** The task of a taskId. */
export const readTask: string = `${taskColumns},
  v.id
from owed_task_state v
where v.task_id = :task_id`;

/** The tasks of ids, in the order given. */
export const readTasks: string = `${taskColumns}
from json_each(:ids) i
cross join owed_task_state v on v.id = i.value
order by i.key`;

/** The story of a task, oldest first. */
export const readAttempts = `select
  outcome,
  generation,
  cast(owner as text) as owner,
  claim,
  accepted,
  recorded_at,
  duration_ms,
  error
from owed_attempt
where task = :id
order by number`;

const idsFrom = `select id, task_id
from owed_task
where task_id >= :from
  and task_id > :after`;

/** A page by task id: :from and :below are the range, :after the last of the page before. */
export const idsInRange = `${idsFrom}
  and task_id < :below
order by task_id
limit :limit`;

/** As above, to the last of all ids. */
export const idsToTheEnd = `${idsFrom}
order by task_id
limit :limit`;

interface PageStatements {
  /** Numbers of tasks that fit, :limit at most, among the :walked that follow :after between :first and :last. */
  readonly found: string;
  /** How many were walked, and to which number. */
  readonly reach: string;
}

type InBothOrders = Readonly<Record<ListRequest["order"], PageStatements>>;

const isBetween = `(:from is null and :before is null or exists (
    select 1
    from owed_task t
    where t.id = x.id
      and (:from is null or t.created_at >= :from)
      and (:before is null or t.created_at < :before)
  ))`;

/** Walks along a table, or the part of it that a condition names. */
const inBothOrders = (fits: string, from: string): InBothOrders => {
  const pages = (beyond: string, sort: string, last: string): PageStatements => {
    const walk = `walk as materialized (
  select x.id, ${fits} and ${isBetween} as fits
  from ${from}
    and x.id > :first
    and x.id <= :last
    and x.id ${beyond} :after
  order by x.id ${sort}
  limit :walked
)`;
    return {
      found: `with ${walk}
select id from walk where fits order by id ${sort} limit :limit`,
      reach: `with ${walk}
select count(*) as walked, ${last}(id) as last from walk`,
    };
  };
  return { ascending: pages(">", "asc", "max"), descending: pages("<", "desc", "min") };
};

const isOfType = "(:type_hash is null or x.type_hash = :type_hash)";
const isOfNamedType = `(:type is null or exists (
    select 1 from owed_task t where t.id = x.id and t.type = :type
  ))`;

/** Pages of pending tasks. */
export const pendingPages: InBothOrders = inBothOrders(isOfType, "owed_pending x\n  where true");

/** Pages of pending tasks that are due and that nobody holds. */
export const readyPages: InBothOrders = inBothOrders(
  `${isOfType}
    and x.next_attempt_at <= :now
    and not exists (select 1 from owed_process r where r.owner = x.owner)`,
  "owed_pending x\n  where true",
);

/** The index of those that are not confirmed is used only where the statement says what the index says. */
const unsuccessful = (state: string): string => `owed_settled x indexed by owed_settled_unsuccessful
  where x.state = '${state}'
    and x.state <> 'confirmed'`;

/** Pages of settled tasks by state. Confirmed ones are nearly all that there are, and have no index of their own. */
export const settledPages: Readonly<Record<Exclude<ListRequest["state"], "pending">, InBothOrders>> = {
  confirmed: inBothOrders(`x.state = 'confirmed' and ${isOfNamedType}`, "owed_settled x\n  where true"),
  failed: inBothOrders(isOfNamedType, unsuccessful("failed")),
  cancelled: inBothOrders(isOfNamedType, unsuccessful("cancelled")),
};

/** The task with a number, or the next one. */
export const nextTask = "select id, created_at from owed_task where id >= :id order by id limit 1";
/** The last number of all. */
export const lastTask = "select max(id) as id from owed_task";

function countUpTo(state: string): string {
  return `select count(*) as number
from (
  select 1
  from ${unsuccessful(state)}
  limit :bound
)`;
}

/** Exact; walks what it counts, as the next do. */
export const countPending = "select count(*) as number from owed_pending";
/** Exact, of one state. */
export const countSettled = "select count(*) as number from owed_settled where state = :state";
/** Exact: all that are kept. */
export const countTasks = "select count(*) as number from owed_task";
/** Registered processes. */
export const countProcesses = "select count(*) as number from owed_process";

/** Ends at a bound. */
export const countPendingUpTo = "select count(*) as number from (select 1 from owed_pending limit :bound)";
/** As above. */
export const countFailedUpTo: string = countUpTo("failed");
/** As above. */
export const countCancelledUpTo: string = countUpTo("cancelled");

/** How many tasks are confirmed and kept, from a number that is kept up to date. */
export const readConfirmed = "select tasks as number from owed_confirmed";
/** How many tasks were pruned. */
export const readPruned = "select tasks as number from owed_pruned";

/** The first due of a type, of each kind, whoever holds it. */
export const readOldest = {
  ready: `select min(next_attempt_at) as due
from owed_pending indexed by owed_pending_ready
where type_hash = :type_hash
  and lost_attempts = 0`,
  suspect: `select min(next_attempt_at) as due
from owed_pending indexed by owed_pending_suspect
where type_hash = :type_hash
  and lost_attempts = 1`,
  alone: `select min(next_attempt_at) as due
from owed_pending indexed by owed_pending_alone
where type_hash = :type_hash
  and lost_attempts > 1`,
} as const;

/** The name of a type, taken from one of its pending tasks. */
export const readTypeName = {
  ready: `select t.type
from owed_pending p indexed by owed_pending_ready
cross join owed_task t on t.id = p.id
where p.type_hash = :type_hash
  and p.lost_attempts = 0
limit 1`,
  suspect: `select t.type
from owed_pending p indexed by owed_pending_suspect
cross join owed_task t on t.id = p.id
where p.type_hash = :type_hash
  and p.lost_attempts = 1
limit 1`,
  alone: `select t.type
from owed_pending p indexed by owed_pending_alone
cross join owed_task t on t.id = p.id
where p.type_hash = :type_hash
  and p.lost_attempts > 1
limit 1`,
} as const;

/** What each process executes; null for any type. */
export const readExecuted = "select types from owed_process";
