/** Version 2: the functions. Their names carry a version, since an older process may still call an older one. */
import { type Names, quoteBody } from "../identifier.ts";

/** The SQL of this version. Append-only: what has been released is never edited. */
export const functions = (names: Names): string =>
  [
    resolveDuplicates(names, quoteBody(`${resolutionVariables}${resolution(names)}`)),
    openTransactions(names, quoteBody(openness)),
  ].join("\n");

const resolveDuplicates = (names: Names, body: string): string => `
-- Tasks that an insert found standing already, compared one by one, in the order of the lists given. Each statement
-- in here sees what was committed before it began, which the insert itself could not. A refused call leaves nothing.
create function ${names.resolveDuplicates}(
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
)
returns table (task_id text, verdict text, id bigint)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as ${body};
`;

const resolutionVariables = `
#variable_conflict use_column
declare
  instant timestamptz := coalesce(
    cast('epoch' as timestamptz) + now_ms * interval '1 millisecond',
    clock_timestamp()
  );
  due timestamptz;
  undo bigint[] := coalesce(created_ids, cast('{}' as bigint[]));
  verdicts text[] := array_fill(cast(null as text), array[cardinality(task_ids)]);
  ids bigint[] := array_fill(cast(null as bigint), array[cardinality(task_ids)]);
  standing record;
  new_id bigint;
  n integer;
`;

const resolution = (names: Names): string => `begin
  -- In the order of the ids, as every insert does: two calls with the same ids cannot wait for each other.
  for n in
    select g.n from unnest(task_ids) with ordinality as g (task_id, n) order by g.task_id collate "C"
  loop
    for try in 1 .. 3 loop
      select t.id, t.type, t.data
        into standing
        from ${names.task} t
        where t.task_id = task_ids[n];
      if found then
        verdicts[n] := case
          when policies[n] = 'keep' then 'same'
          when policies[n] = 'throw' then 'exists'
          when standing.type <> types[n] then 'different'
          when standing.data is null then 'same'
          when standing.data <> decode(data[n], 'base64') then 'different'
          else 'same'
        end;
        if verdicts[n] = 'same' then
          ids[n] := standing.id;
        end if;
        exit;
      end if;
      insert into ${names.task} as t (created_at, task_id, type, data, codec, reference_id, headers)
        values (instant, task_ids[n], types[n], decode(data[n], 'base64'), nullif(codecs[n], 'json'), reference_ids[n],
          cast(headers[n] as json))
        on conflict (task_id) do nothing
        returning t.id into new_id;
      if found then
        ids[n] := new_id;
        due := case
          when due_ms[n] is not null
            then greatest(instant, cast('epoch' as timestamptz) + due_ms[n] * interval '1 millisecond')
          else instant + delays_ms[n] * interval '1 millisecond'
        end;
        insert into ${names.pending} (id, type, next_attempt_at, owner, claim, since)
          values (ids[n], type_numbers[n], due,
            case when born[n] then birth_owner end,
            case when born[n] then birth_claim end,
            nullif(due, instant));
        undo := undo || ids[n];
        verdicts[n] := 'created';
        exit;
      end if;
    end loop;
    if verdicts[n] is null then
      raise exception 'a task comes and goes faster than it can be compared'
        using errcode = 'serialization_failure';
    end if;
  end loop;
  if verdicts && array['different', 'exists'] then
    delete from ${names.pending} p where p.id = any (undo);
    delete from ${names.task} t where t.id = any (undo);
  end if;
  return query
    select g.task_id, g.verdict, g.id
    from unnest(task_ids, verdicts, ids) with ordinality as g (task_id, verdict, id, n)
    order by g.n;
end
`;

const openTransactions = (names: Names, body: string): string => `
-- Which of the transactions named by "marks" are still under way. One whose number is too old to be known, or not
-- given out yet (the database was restored), has ended.
create function ${names.openTransactions}(marks text[])
returns table (mark text)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as ${body};
`;

const openness = `
declare
  one text;
begin
  foreach one in array marks loop
    begin
      if pg_xact_status(cast(one as xid8)) = 'in progress' then
        mark := one;
        return next;
      end if;
    exception
      when invalid_parameter_value then null;
    end;
  end loop;
end
`;
