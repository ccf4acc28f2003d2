/** Version 7: what enqueuers and operators do, as functions with the rights of the owner, so that their roles need none to the tables. */
import { type Names, quoteBody } from "../identifier.ts";

/** The SQL of this version. Append-only: what has been released is never edited. */
export const leastPrivilege = (names: Names): string =>
  [
    `alter function ${names.insertTasks1} security definer;
revoke execute on function ${names.insertTasks1} from public;`,
    resolveOwnDuplicates(names),
    cancelTask(names),
    redriveTask(names),
    eraseTask(names),
    deleteTask(names),
  ].join("\n");

/** A function of the owner's that others are given by name. */
export const ofOwner = (name: string, signature: string, answer: string, body: string): string => `
create function ${name}(${signature})
returns table (${answer})
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as ${quoteBody(body)};
revoke execute on function ${name} from public;`;

const parameters = `
  task_ids text[],
  types text[],
  type_numbers bigint[],
  data text[],
  codecs text[],
  reference_ids text[],
  headers text[],
  delays_ms double precision[],
  due_ms double precision[],
  born boolean[],
  policies text[],
  birth_owner bigint,
  birth_claim bigint,
  created_ids bigint[],
  now_ms double precision
`;

/** Of the row t: one that can be seen, and whose transaction is in progress, is of the transaction that looks. */
export const isOwn = `pg_xact_status(cast(cast(m.top + (
        (cast(cast(t.xmin as text) as bigint) - m.top % 4294967296 + 6442450944) % 4294967296 - 2147483648
      ) as text) as xid8)) = 'in progress'`;

const resolveOwnDuplicates = (names: Names): string => `
-- As the version before, and undoes only what the transaction that calls it has inserted itself.
${ofOwner(
  names.resolveOwnDuplicates,
  parameters,
  "task_id text, verdict text, id bigint",
  `
#variable_conflict use_column
declare
  is_refused boolean := false;
  own bigint[];
begin
  for task_id, verdict, id in
    select r.task_id, r.verdict, r.id
    from ${names.resolveDuplicates}(task_ids, types, type_numbers, data, codecs, reference_ids, headers, delays_ms, due_ms,
      born, policies, birth_owner, birth_claim, null, now_ms) as r
  loop
    is_refused := is_refused or verdict in ('different', 'exists');
    return next;
  end loop;
  if is_refused and cardinality(created_ids) > 0 then
    own := array(
      select t.id
      from ${names.task} t
      cross join (select cast(cast(pg_current_xact_id() as text) as bigint) as top) as m
      where t.id = any (created_ids)
        and ${isOwn}
    );
    delete from ${names.pending} p where p.id = any (own);
    delete from ${names.task} t where t.id = any (own);
  end if;
end
`,
)}
`;

/**
 * A statement of an operator as a function: $1 task id, $2 now in ms, $3 its generation, or null for any; $4 who does it, or
 * null for no record, $5 by which way, $6 why. `changed` is the task, and how it stood before. It answers the task if it was
 * moved.
 */
export const operation = (names: Names, name: string, action: string, changes: string): string => `
create function ${name}(text, double precision, integer, text, text, text)
returns table (id bigint)
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as ${quoteBody(`
with
  instant as materialized (
    select coalesce(cast('epoch' as timestamptz) + $2 * interval '1 millisecond', clock_timestamp()) as at
  ),
  ${changes.trim()},
  acted as (
    insert into ${names.act} (at, actor, via, action, task_id, type, reference_id, generation, state, outcome, reason)
    select i.at, $4, $5, '${action}', c.task_id, c.type_name, c.reference_id, c.generation, c.state, 'done', $6
    from changed c
    cross join instant i
    where $4 is not null
  )
select c.id
from changed c
`)};
revoke execute on function ${name} from public;
`;

const cancelTask = (names: Names): string => `
-- Pending becomes cancelled, whatever its claim.
${operation(
  names,
  names.cancelTask,
  "cancel",
  `
  changed as (
    delete from ${names.pending} p
    using ${names.task} t
    where t.task_id = $1
      and p.id = t.id
      and p.generation = coalesce($3, p.generation)
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
  )`,
)}
`;

/** The task's row is locked first by all that follow, so that no task becomes pending without its data. */
export const locked = (names: Names, condition = "", more = ""): string => `standing as materialized (
    select t.id, t.task_id, t.type, t.reference_id${more}
    from ${names.task} t
    where t.task_id = $1${condition}
    for update
  )`;

/** The settled row, taken away. */
export const taken = (names: Names, more = ""): string => `changed as (
    delete from ${names.settled} s
    using standing t
    where s.id = t.id
      and s.generation = coalesce($3, s.generation)
    returning s.id, s.type, s.generation, s.state, t.task_id, t.type as type_name, t.reference_id${more}
  )`;

const redriveTask = (names: Names): string => `
-- Failed or cancelled becomes pending.
${operation(
  names,
  names.redriveTask1,
  "redrive",
  `
  ${locked(names, "\n      and t.data is not null")},
  ${taken(names)},
  owed as (
    insert into ${names.pending} (id, type, next_attempt_at, since, generation)
    select c.id, c.type, i.at, i.at, c.generation + 1
    from changed c
    cross join instant i
  )`,
)}
`;

const eraseTask = (names: Names): string => `
-- Removes the data of a settled task.
${operation(
  names,
  names.eraseTask,
  "erase",
  `
  ${locked(names)},
  ended as materialized (
    select s.id, s.state, s.generation
    from ${names.settled} s
    where s.id in (select t.id from standing t)
      and s.generation = coalesce($3, s.generation)
    for update
  ),
  settled as (
    select e.id, e.state, e.generation
    from ended e
    union all
    select t.id, 'confirmed', coalesce(c.generations[array_position(c.ids, t.id)], 1)
    from standing t
    join ${names.confirmed} c on c.bucket = t.id / 1024 and t.id = any (c.ids)
    where coalesce($3 = coalesce(c.generations[array_position(c.ids, t.id)], 1), true)
  ),
  changed as (
    update ${names.task} t
    set data = null
    from settled s
    where t.id = s.id
    returning t.id, s.state, s.generation, t.task_id, t.type as type_name, t.reference_id
  )`,
)}
`;

const deleteTask = (names: Names): string => `
-- Deletes a failed or cancelled task with its story, and counts it as pruned.
${operation(
  names,
  names.deleteTask,
  "delete",
  `
  ${locked(names)},
  ${taken(names)},
  removed_task as (
    delete from ${names.task} t
    where t.id = any (array(select c.id from changed c))
  ),
  removed_attempt as (
    delete from ${names.attempt} a
    where a.id = any (array(select c.id from changed c))
  ),
  counted as (
    update ${names.counter} k
    set value = k.value + n.pruned
    from (select count(*) as pruned from changed) n
    where k.name = 'pruned'
      and n.pruned > 0
  )`,
)}
`;
