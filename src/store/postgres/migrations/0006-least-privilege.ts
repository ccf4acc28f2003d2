/** Version 6: what enqueuers and operators do, as functions with the rights of the owner, so that their roles need none to the tables. */
import { type Names, quoteBody } from "../identifier.ts";

/** The SQL of this version. Append-only: what has been released is never edited. */
export const leastPrivilege = (names: Names): string =>
  [
    `alter function ${names.insertTasks} security definer;
revoke execute on function ${names.insertTasks} from public;`,
    resolveOwnDuplicates(names),
    cancelTask(names),
    redriveTask(names),
    eraseTask(names),
  ].join("\n");

/** A function of the owner's that others are given by name. */
const ofOwner = (name: string, signature: string, answer: string, body: string): string => `
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

/** A row that can be seen, and whose transaction is in progress, is of the transaction that looks. */
const isOwn = `pg_xact_status(cast(cast(m.top + (
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

const operation = "named text, seen_generation integer, now_ms double precision";
const instant = `coalesce(cast('epoch' as timestamptz) + now_ms * interval '1 millisecond', clock_timestamp())`;

const cancelTask = (names: Names): string => `
-- Pending becomes cancelled, whatever its claim; in the generation that was seen, or in any if that is null.
${ofOwner(
  names.cancelTask,
  operation,
  "id bigint",
  `
#variable_conflict use_column
begin
  return query
    with ended as (
      delete from ${names.pending} p
      using ${names.task} t
      where t.task_id = named
        and p.id = t.id
        and p.generation = coalesce(seen_generation, p.generation)
      returning p.id, p.type, p.generation, p.failed_attempts, p.lost_attempts, p.deferred_attempts
    ),
    cancelled as (
      insert into ${names.settled} (id, type, state, settled_at, generation, failed_attempts, lost_attempts,
        deferred_attempts)
      select e.id, e.type, 'cancelled', ${instant}, e.generation, coalesce(e.failed_attempts, 0), e.lost_attempts,
        coalesce(e.deferred_attempts, 0)
      from ended e
    )
    select e.id from ended e;
end
`,
)}
`;

const redriveTask = (names: Names): string => `
-- Failed or cancelled becomes pending. The task's row is locked first, as an erasure does it, so that no task becomes pending
-- without its data.
${ofOwner(
  names.redriveTask,
  operation,
  "id bigint",
  `
#variable_conflict use_column
declare
  instant timestamptz := ${instant};
begin
  return query
    with standing as materialized (
      select t.id
      from ${names.task} t
      where t.task_id = named
        and t.data is not null
      for update
    ),
    reopened as (
      delete from ${names.settled} s
      using standing t
      where s.id = t.id
        and s.generation = coalesce(seen_generation, s.generation)
      returning s.id, s.type, s.generation
    ),
    owed as (
      insert into ${names.pending} (id, type, next_attempt_at, since, generation)
      select r.id, r.type, instant, instant, r.generation + 1
      from reopened r
    )
    select r.id from reopened r;
end
`,
)}
`;

const eraseTask = (names: Names): string => `
-- Removes the data of a settled task. Locks in the same order as a redrive.
${ofOwner(
  names.eraseTask,
  "named text, seen_generation integer",
  "id bigint",
  `
#variable_conflict use_column
begin
  return query
    with standing as materialized (
      select t.id
      from ${names.task} t
      where t.task_id = named
      for update
    ),
    ended as materialized (
      select s.id
      from ${names.settled} s
      where s.id in (select t.id from standing t)
        and s.generation = coalesce(seen_generation, s.generation)
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
            and coalesce(seen_generation = coalesce(c.generations[array_position(c.ids, t.id)], 1), true)
        )
      )
    returning t.id;
end
`,
)}
`;
