/** Version 9: keys of tasks. Tasks without one are written by the functions of version 8. */
import { type Names, quoteBody } from "../identifier.ts";
import { taskStates } from "./0001-tables.ts";
import { isOwn, locked, ofOwner, operation, taken } from "./0007-least-privilege.ts";
import { answerOfMany, insertionOfAny, listsOfMany } from "./0008-insert-or-refuse.ts";

/** The SQL of this version. Append-only: what has been released is never edited. */
export const keys = (names: Names): string =>
  [columns(names), insertKeyedTasks(names), setKeys(names), redriveTask(names)].join("\n");

const columns = (names: Names): string => `
-- By what tasks of a type are told apart, a merchant for example.
alter table ${names.task} add column key text collate "C";
-- First eight bytes of the SHA-256 of the type's name, a zero byte, and the key.
alter table ${names.pending} add column key bigint;
-- From key to key, and within each in due order. Tasks without a key cost nothing here.
create index pending_keyed on ${names.pending} (type, key, next_attempt_at, id)
  where lost_attempts = 0 and key is not null;

create or replace view ${names.taskState} as
${taskStates(names, ",\n  t.key")}`;

const insertKeyedTasks = (names: Names): string => `
-- As insert_tasks_v2, of tasks some of which have keys: these and their numbers come in lists, one for each task.
create function ${names.insertKeyedTasks}(
  task_ids text,
  types text,
  type_numbers text,
  data text,
  codecs text,
  reference_ids text,
  headers text,
  delays_ms text,
  due_ms text,
  born text,
  birth_owner text,
  birth_claim text,
  policies text,
  now_ms text,
  keys text,
  key_numbers text
)
returns table (ids text, mark text)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as ${quoteBody(insertion(names))};
`;

const insertion = (names: Names): string => `${listsOfMany}  given_keys text[] := cast(keys as text[]);
  given_key_numbers bigint[] := cast(key_numbers as bigint[]);
begin
${insertionOfAny(names, {
  lists: ", given_keys, given_key_numbers",
  names: ", key, key_number",
  task: ", key",
  ofTask: ",\n        g.key",
  pending: ", key",
  ofPending: ",\n        g.key_number",
})}${answerOfMany(
  names,
  `
      -- Its original has vanished meanwhile, so that it was written after all, without its key.
      update ${names.task} t set key = given_keys[resolved.place] where t.id = resolved.id;
      update ${names.pending} p set key = given_key_numbers[resolved.place] where p.id = resolved.id;`,
)}`;

const setKeys = (names: Names): string => `
-- Gives keys to tasks that the transaction has written itself, and that have none.
${ofOwner(
  names.setKeys,
  `
  ids bigint[],
  keys text[],
  key_numbers bigint[]
`,
  "id bigint",
  `
#variable_conflict use_column
begin
  return query
    with own as materialized (
      select t.id, g.key, g.key_number
      from unnest(ids, keys, key_numbers) as g (id, key, key_number)
      join ${names.task} t on t.id = g.id and t.key is null
      cross join (select cast(cast(pg_current_xact_id() as text) as bigint) as top) as m
      where ${isOwn}
    ),
    told as (
      update ${names.task} t set key = o.key from own o where t.id = o.id
    ),
    owed as (
      update ${names.pending} p set key = o.key_number from own o where p.id = o.id
    )
    select o.id from own o;
end
`,
)}
`;

/** The number of the key of the task t. */
const keyNumber = `cast(cast('x' || encode(substring(sha256(
      convert_to(t.type, 'UTF8') || decode('00', 'hex') || convert_to(t.key, 'UTF8')
    ) from 1 for 8), 'hex') as bit(64)) as bigint)`;

const redriveTask = (names: Names): string => `
-- Failed or cancelled becomes pending, under the key it had.
${operation(
  names,
  names.redriveTask,
  "redrive",
  `
  ${locked(names, "\n      and t.data is not null", `, ${keyNumber} as key`)},
  ${taken(names, ", t.key")},
  owed as (
    insert into ${names.pending} (id, type, next_attempt_at, since, generation, key)
    select c.id, c.type, i.at, i.at, c.generation + 1, c.key
    from changed c
    cross join instant i
  )`,
)}
`;
