/** Version 4: inserting tasks, as a function, so that a connection plans the statement once. */
import { type Names, quoteBody } from "../identifier.ts";

/** The SQL of this version. Append-only: what has been released is never edited. */
export const insertTasks = (names: Names): string => `
-- Writes what is new, in the transaction that calls this. One row is always answered, since the transaction's number is
-- wanted even when all stand already. Every parameter is text, which every driver hands on unchanged.
create function ${names.insertTasks1}(
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
  now_ms text
)
returns table (id text, task_id text, mark text)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as ${quoteBody(insertion(names))};
`;

const insertion = (names: Names): string => `
#variable_conflict use_column
declare
  instant timestamptz := coalesce(
    cast('epoch' as timestamptz) + cast(now_ms as double precision) * interval '1 millisecond',
    clock_timestamp()
  );
begin
  return query
    with given as materialized (
      select
        g.*,
        case
          when g.due_at_ms is not null
          then greatest(instant, cast('epoch' as timestamptz) + g.due_at_ms * interval '1 millisecond')
          else instant + g.delay_ms * interval '1 millisecond'
        end as due
      from unnest(
        cast(task_ids as text[]),
        cast(types as text[]),
        cast(type_numbers as bigint[]),
        cast(data as text[]),
        cast(codecs as text[]),
        cast(reference_ids as text[]),
        cast(headers as text[]),
        cast(delays_ms as double precision[]),
        cast(due_ms as double precision[]),
        cast(born as boolean[])
      ) as g (task_id, type, type_number, content, codec, reference_id, header, delay_ms, due_at_ms, is_born)
    ),
    created as (
      insert into ${names.task} as t (created_at, task_id, type, data, codec, reference_id, headers)
      select
        instant,
        g.task_id,
        g.type,
        decode(g.content, 'base64'),
        nullif(g.codec, 'json'),
        g.reference_id,
        cast(g.header as json)
      from given g
      order by g.task_id collate "C"
      on conflict (task_id) do nothing
      returning t.id, t.task_id
    ),
    owed as (
      insert into ${names.pending} (id, type, next_attempt_at, owner, claim, since)
      select
        c.id,
        g.type_number,
        g.due,
        case when g.is_born then cast(birth_owner as bigint) end,
        case when g.is_born then cast(birth_claim as bigint) end,
        nullif(g.due, instant)
      from created c
      join given g on g.task_id = c.task_id
    )
    select cast(c.id as text), c.task_id, cast(pg_current_xact_id() as text)
    from (select 1) as one
    left join created c on true;
end
`;
