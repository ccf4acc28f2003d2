/** Version 8: inserting one task without lists, and many with lists no longer than they must be; refusing duplicates in SQL. */
import { type Names, quoteBody } from "../identifier.ts";

/** The SQL of this version. Append-only: what has been released is never edited. */
export const insertOrRefuse = (names: Names): string =>
  [
    dueOf(names),
    resolveOrRefuse(names, quoteBody(resolution(names))),
    insertTask(names, quoteBody(insertionOfOne(names))),
    insertTasks(names, quoteBody(`${listsOfMany}${insertionOfMany(names)}`)),
  ].join("\n");

const dueOf = (names: Names): string => `
-- When a task is due that is not due at once.
create function ${names.dueOf}(instant timestamptz, delay_ms double precision, due_ms double precision)
returns timestamptz
language sql
immutable
set search_path = pg_catalog, pg_temp
as ${quoteBody(`
  select case
    when due_ms is not null
    then greatest(instant, cast('epoch' as timestamptz) + due_ms * interval '1 millisecond')
    else instant + coalesce(delay_ms, 0) * interval '1 millisecond'
  end
`)};
`;

const resolveOrRefuse = (names: Names, body: string): string => `
-- Resolves duplicates; a refusal aborts the transaction: OW001 when a task is different, OW002 when it may not stand at
-- all. The detail tells their places in the call, since their ids do not belong into the server's log.
create function ${names.resolveOrRefuse}(
  places integer[],
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
  now_ms double precision
)
returns table (place integer, id bigint)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as ${body};
`;

const resolution = (names: Names): string => `
declare
  found_places integer[];
  verdicts text[];
  ids bigint[];
  refusal text;
begin
  select array_agg(places[cast(r.n as integer)]), array_agg(r.verdict), array_agg(r.id)
    into found_places, verdicts, ids
    from ${names.resolveDuplicates}(
      task_ids, types, type_numbers, data, codecs, reference_ids, headers, delays_ms, due_ms, born, policies,
      birth_owner, birth_claim, cast('{}' as bigint[]), now_ms
    ) with ordinality as r (task_id, verdict, id, n);
  foreach refusal in array array['different', 'exists'] loop
    if refusal = any (verdicts) then
      raise exception 'a task of this id stands already'
        using
          errcode = case refusal when 'different' then 'OW001' else 'OW002' end,
          detail = (
            select string_agg(cast(v.place as text), ',')
            from unnest(found_places, verdicts) as v (place, verdict)
            where v.verdict = refusal
          );
    end if;
  end loop;
  return query
    select v.place, v.id
    from unnest(found_places, verdicts, ids) as v (place, verdict, id)
    where v.verdict = 'created';
end
`;

const insertTask = (names: Names, body: string): string => `
-- Writes one task, in the transaction that calls this, and answers its number and that of the transaction, divided by a
-- space. A duplicate has no number here; with a policy it is resolved at once, and a refusal aborts the transaction.
-- All names in it are qualified, and the session's search_path stays as it is: changing that costs as much as a third of
-- the rest. Null stands for the codec json, and for no delay.
create function ${names.insertTask}(
  task_id text,
  type text,
  type_number text,
  data text,
  codec text,
  reference_id text,
  header text,
  delay_ms text,
  due_ms text,
  birth_owner text,
  birth_claim text,
  policy text,
  now_ms text
)
returns text
language plpgsql
volatile
as ${body};
`;

const insertionOfOne = (names: Names): string => `
#variable_conflict use_column
declare
  instant pg_catalog.timestamptz;
  due pg_catalog.timestamptz;
  since pg_catalog.timestamptz;
  new_id pg_catalog.int8;
begin
  if now_ms is null then
    instant := pg_catalog.clock_timestamp();
  else
    instant := ${names.dueOf}('epoch', cast(now_ms as pg_catalog.float8), null);
  end if;
  due := instant;
  insert into ${names.task} as t (created_at, task_id, type, data, codec, reference_id, headers)
    values (instant, $1, $2, pg_catalog.decode($4, 'base64'), $5, $6, cast(header as pg_catalog.json))
    on conflict (task_id) do nothing
    returning t.id into new_id;
  if found then
    if delay_ms is not null or due_ms is not null then
      due := ${names.dueOf}(instant, cast(delay_ms as pg_catalog.float8), cast(due_ms as pg_catalog.float8));
      if due operator(pg_catalog.<>) instant then
        since := due;
      end if;
    end if;
    insert into ${names.pending} (id, type, next_attempt_at, owner, claim, since)
      values (new_id, cast(type_number as pg_catalog.int8), due, cast(birth_owner as pg_catalog.int8),
        cast(birth_claim as pg_catalog.int8), since);
  elsif policy is not null then
    select r.id
      into new_id
      from ${names.resolveOrRefuse}(
        array[1], array[$1], array[$2], array[cast(type_number as pg_catalog.int8)], array[$4],
        array[coalesce($5, 'json')], array[$6], array[header],
        array[coalesce(cast(delay_ms as pg_catalog.float8), 0)], array[cast(due_ms as pg_catalog.float8)],
        array[birth_owner is not null], array[policy], cast(birth_owner as pg_catalog.int8),
        cast(birth_claim as pg_catalog.int8), cast(now_ms as pg_catalog.float8)
      ) r;
  end if;
  return pg_catalog.concat(new_id, ' ', pg_catalog.pg_current_xact_id());
end
`;

const insertTasks = (names: Names, body: string): string => `
-- Writes what is new, in the transaction that calls this. Answers the numbers in the order given, null for what stands
-- already, and the number of the transaction. Every parameter is text, which every driver hands on unchanged. Of types,
-- numbers of types, delays, born and policies one element stands for all; of the other lists an empty one is all null.
-- Null stands for the codec json. With policies duplicates are resolved at once, and a refusal aborts the transaction.
create function ${names.insertTasks}(
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
  now_ms text
)
returns table (ids text, mark text)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as ${body};
`;

/** The variables of an insertion of many, made of its parameters. */
export const listsOfMany = `
#variable_conflict use_column
declare
  given_ids text[] := cast(task_ids as text[]);
  given_types text[] := cast(types as text[]);
  given_numbers bigint[] := cast(type_numbers as bigint[]);
  given_data text[] := cast(data as text[]);
  given_codecs text[] := cast(codecs as text[]);
  given_references text[] := cast(reference_ids as text[]);
  given_headers text[] := cast(headers as text[]);
  given_delays double precision[] := cast(delays_ms as double precision[]);
  given_dues double precision[] := cast(due_ms as double precision[]);
  given_born boolean[] := cast(born as boolean[]);
  given_policies text[] := cast(policies as text[]);
  first_type text := given_types[1];
  first_number bigint := given_numbers[1];
  first_delay double precision := given_delays[1];
  first_born boolean := given_born[1];
  first_policy text := given_policies[1];
  owner bigint := cast(birth_owner as bigint);
  claim bigint := cast(birth_claim as bigint);
  now_given double precision := cast(now_ms as double precision);
  instant timestamptz := coalesce(
    cast('epoch' as timestamptz) + now_given * interval '1 millisecond',
    clock_timestamp()
  );
  due timestamptz;
  new_ids bigint[];
  new_task_ids text[];
  resolved record;
`;

/** Columns of a later version: their lists and names, and what is written from them, each with a comma before it. */
interface MoreColumns {
  readonly lists: string;
  readonly names: string;
  readonly task: string;
  readonly ofTask: string;
  readonly pending: string;
  readonly ofPending: string;
}

const noMore: MoreColumns = { lists: "", names: "", task: "", ofTask: "", pending: "", ofPending: "" };

/** Inserts what is new of tasks that differ in anything. */
export const insertionOfAny = (
  names: Names,
  more: MoreColumns = noMore,
): string => `    with given as materialized (
      select
        g.*,
        coalesce(g.born, first_born) as is_born,
        case
          when g.due_ms is not null
          then greatest(instant, cast('epoch' as timestamptz) + g.due_ms * interval '1 millisecond')
          else instant + coalesce(g.delay_ms, first_delay) * interval '1 millisecond'
        end as due
      from unnest(given_ids, given_types, given_numbers, given_data, given_codecs, given_references, given_headers,
        given_delays, given_dues, given_born${more.lists})
        as g (task_id, type, type_number, content, codec, reference_id, header, delay_ms, due_ms, born${more.names})
    ),
    created as (
      insert into ${names.task} as t (created_at, task_id, type, data, codec, reference_id, headers${more.task})
      select
        instant,
        g.task_id,
        coalesce(g.type, first_type),
        decode(g.content, 'base64'),
        g.codec,
        g.reference_id,
        cast(g.header as json)${more.ofTask}
      from given g
      order by g.task_id collate "C"
      on conflict (task_id) do nothing
      returning t.id, t.task_id
    ),
    owed as (
      insert into ${names.pending} (id, type, next_attempt_at, owner, claim, since${more.pending})
      select
        c.id,
        coalesce(g.type_number, first_number),
        g.due,
        case when g.is_born then owner end,
        case when g.is_born then claim end,
        nullif(g.due, instant)${more.ofPending}
      from created c
      join given g on g.task_id = c.task_id
    )
    select array_agg(c.id), array_agg(c.task_id)
      into new_ids, new_task_ids
      from created c;
`;

/** Brings the numbers in order, resolves duplicates where that is asked for, and answers; a later version does more with what is resolved. */
export const answerOfMany = (
  names: Names,
  whenResolved = "",
): string => `  -- As a rule the ids came in the order of the index, and all are new.
  if new_task_ids is distinct from given_ids then
    select array_agg(c.id order by g.n)
      into new_ids
      from unnest(given_ids) with ordinality as g (task_id, n)
      left join unnest(new_task_ids, new_ids) as c (task_id, id) on c.task_id = g.task_id;
  end if;
  if given_policies is not null and array_position(new_ids, null) is not null then
    for resolved in
      select r.place, r.id
      from (
        select
          array_agg(cast(g.n as integer)) as places,
          array_agg(g.task_id) as task_ids,
          array_agg(coalesce(g.type, first_type)) as types,
          array_agg(coalesce(g.type_number, first_number)) as type_numbers,
          array_agg(g.content) as data,
          array_agg(coalesce(g.codec, 'json')) as codecs,
          array_agg(g.reference_id) as reference_ids,
          array_agg(g.header) as headers,
          array_agg(coalesce(g.delay_ms, first_delay)) as delays_ms,
          array_agg(g.due_ms) as due_ms,
          array_agg(coalesce(g.born, first_born)) as born,
          array_agg(coalesce(g.policy, first_policy)) as policies
        from unnest(given_ids, given_types, given_numbers, given_data, given_codecs, given_references, given_headers,
          given_delays, given_dues, given_born, given_policies) with ordinality
          as g (task_id, type, type_number, content, codec, reference_id, header, delay_ms, due_ms, born, policy, n)
        where new_ids[cast(g.n as integer)] is null
      ) m
      cross join lateral ${names.resolveOrRefuse}(
        m.places, m.task_ids, m.types, m.type_numbers, m.data, m.codecs, m.reference_ids, m.headers, m.delays_ms,
        m.due_ms, m.born, m.policies, owner, claim, now_given
      ) r
    loop
      new_ids[resolved.place] := resolved.id;${whenResolved}
    end loop;
  end if;
  ids := cast(new_ids as text);
  mark := cast(pg_current_xact_id() as text);
  return next;
end
`;

const insertionOfMany = (names: Names): string => `
begin
  if cardinality(given_numbers) = 1
    and cardinality(given_delays) = 1
    and cardinality(given_dues) = 0
    and cardinality(given_born) = 1
  then
    -- All alike but for their data: nothing of a task is looked up again for its pending row.
    due := ${names.dueOf}(instant, first_delay, null);
    with created as (
      insert into ${names.task} as t (created_at, task_id, type, data, codec, reference_id, headers)
      select instant, g.task_id, first_type, decode(g.content, 'base64'), g.codec, g.reference_id, cast(g.header as json)
      from unnest(given_ids, given_data, given_codecs, given_references, given_headers)
        as g (task_id, content, codec, reference_id, header)
      order by g.task_id collate "C"
      on conflict (task_id) do nothing
      returning t.id, t.task_id
    ),
    owed as (
      insert into ${names.pending} (id, type, next_attempt_at, owner, claim, since)
      select
        c.id,
        first_number,
        due,
        case when first_born then owner end,
        case when first_born then claim end,
        nullif(due, instant)
      from created c
    )
    select array_agg(c.id), array_agg(c.task_id)
      into new_ids, new_task_ids
      from created c;
  else
${insertionOfAny(names)}  end if;
${answerOfMany(names)}`;
