/** Statements on a caller's transaction: they see the caller's search_path, so what can be qualified in them is. */
import type { Names } from "../identifier.ts";

/**
 * Writes what is new. One row is always answered, since the transaction's number is wanted even when all stand already.
 * $1 task ids, $2 types, $3 their numbers, $4 data in base64, $5 codecs, $6 reference ids, $7 headers, $8 delays in ms,
 * $9 due in ms, $10 born claimed, $11 owner, $12 claim, $13 now in ms.
 */
export const insertTasks = (names: Names): string => `with instant as materialized (
  select coalesce(
    cast('epoch' as timestamptz) + cast(cast($13 as text) as double precision) * interval '1 millisecond',
    pg_catalog.clock_timestamp()
  ) as at
),
given as materialized (
  select
    g.*,
    case
      when g.due_ms is not null
      then greatest(i.at, cast('epoch' as timestamptz) + g.due_ms * interval '1 millisecond')
      else i.at + g.delay_ms * interval '1 millisecond'
    end as due,
    i.at
  from unnest(
    cast(cast($1 as text) as text[]),
    cast(cast($2 as text) as text[]),
    cast(cast($3 as text) as bigint[]),
    cast(cast($4 as text) as text[]),
    cast(cast($5 as text) as text[]),
    cast(cast($6 as text) as text[]),
    cast(cast($7 as text) as text[]),
    cast(cast($8 as text) as double precision[]),
    cast(cast($9 as text) as double precision[]),
    cast(cast($10 as text) as boolean[])
  ) as g (task_id, type, type_number, data, codec, reference_id, headers, delay_ms, due_ms, born)
  cross join instant i
),
created as (
  insert into ${names.task} (created_at, task_id, type, data, codec, reference_id, headers)
  select
    g.at,
    g.task_id,
    g.type,
    pg_catalog.decode(g.data, 'base64'),
    nullif(g.codec, 'json'),
    g.reference_id,
    cast(g.headers as json)
  from given g
  order by g.task_id collate "C"
  on conflict (task_id) do nothing
  returning id, task_id
),
owed as (
  insert into ${names.pending} (id, type, next_attempt_at, owner, claim, since)
  select
    c.id,
    g.type_number,
    g.due,
    case when g.born then cast(cast($11 as text) as bigint) end,
    case when g.born then cast(cast($12 as text) as bigint) end,
    nullif(g.due, g.at)
  from created c
  join given g on g.task_id = c.task_id
)
select
  cast(c.id as text) as id,
  c.task_id as task_id,
  cast(pg_catalog.pg_current_xact_id() as text) as mark
from (select 1) as one
left join created c on true`;

/** Compares what stood already. $1 to $10 as above, then $11 policies, $12 owner, $13 claim, $14 created ids, $15 now in ms. */
export const resolveDuplicates = (names: Names): string => `select
  r.task_id as task_id,
  r.verdict as verdict,
  cast(r.id as text) as id
from ${names.resolveDuplicates}(
  cast(cast($1 as text) as text[]),
  cast(cast($2 as text) as text[]),
  cast(cast($3 as text) as bigint[]),
  cast(cast($4 as text) as text[]),
  cast(cast($5 as text) as text[]),
  cast(cast($6 as text) as text[]),
  cast(cast($7 as text) as text[]),
  cast(cast($8 as text) as double precision[]),
  cast(cast($9 as text) as double precision[]),
  cast(cast($10 as text) as boolean[]),
  cast(cast($11 as text) as text[]),
  cast(cast($12 as text) as bigint),
  cast(cast($13 as text) as bigint),
  cast(cast($14 as text) as bigint[]),
  cast(cast($15 as text) as double precision)
) r`;
