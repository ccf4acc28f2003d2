/** Version 5: enqueueing by SQL, for triggers, psql and other languages. docs/sql.md is its contract. */
import { type Names, quoteBody } from "../identifier.ts";

/** The SQL of this version. Append-only: what has been released is never edited. */
export const enqueueFromSql = (names: Names): string =>
  [
    shortestDouble(names),
    canonicalNumber(names, quoteBody(numberWriting(names))),
    canonicalJson(names, quoteBody(jsonWriting(names))),
    enqueue(names, quoteBody(`${enqueueVariables}${checks}${writing(names)}`)),
  ].join("\n");

const largestDouble = "1.7976931348623157e308";
const smallestDouble = "5e-324";
const smallestNormalDouble = "2.2250738585072014e-308";

const shortestDouble = (names: Names): string => `
-- The number itself, if it is the shortest text of a double, or the text that Postgres has for one; the shortest is
-- answered. Postgres leaves out texts that lie in the middle between two doubles; JavaScript, Python and Go do not: of 2^-44 and
-- of 1e23 they write a digit less, or fifteen. Null for a number that no double keeps.
create function ${names.shortestDouble}(given numeric)
returns numeric
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as ${quoteBody(`
declare
  double double precision := cast(given as double precision);
  printed numeric := trim_scale(cast(cast(double as text) as numeric));
  plain text := cast(printed as text);
  digits numeric := cast(trim(both '0' from replace(plain, '.', '')) as numeric);
  power integer := case
    when scale(printed) > 0 then -scale(printed)
    else length(plain) - length(rtrim(plain, '0'))
  end;
  shorter numeric;
begin
  for shorter in
    select cast(concat(div(digits, 10) + up.one, 'e', power + 1) as numeric)
    from (values (0), (1)) as up (one)
  loop
    if shorter <= ${largestDouble} and cast(shorter as double precision) = double then
      return case when given in (printed, shorter) then trim_scale(shorter) end;
    end if;
  end loop;
  return case when given = printed then printed end;
end
`)};
`;

const canonicalNumber = (names: Names, body: string): string => `
-- A number as JavaScript writes it; null for one that is not kept by a double, so that an executor would get another.
create function ${names.canonicalNumber}(given numeric)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as ${body};
`;

const numberWriting = (names: Names): string => `
declare
  size numeric := trim_scale(abs(given));
  sign text := case when given < 0 then '-' else '' end;
  plain text;
  digits text;
  power integer;
begin
  if size = 0 then
    return '0';
  end if;
  if size > ${largestDouble} or size < ${smallestDouble} then
    return null;
  end if;
  -- Up to fifteen digits are the shortest text of their double, whatever they are.
  if length(trim(both '0' from replace(cast(size as text), '.', ''))) > 15 or size < ${smallestNormalDouble} then
    size := ${names.shortestDouble}(size);
    if size is null then
      return null;
    end if;
  end if;
  plain := cast(size as text);
  if size >= 0.000001 and size < 1e21 then
    return sign || plain;
  end if;
  digits := trim(both '0' from replace(plain, '.', ''));
  power := case when size < 1 then length(digits) - 1 - scale(size) else length(plain) - 1 end;
  return concat(
    sign,
    left(digits, 1),
    case when length(digits) > 1 then '.' end,
    substr(digits, 2),
    case when power < 0 then 'e-' else 'e+' end,
    abs(power)
  );
end
`;

/** Values that are written as jsonb writes them are not worth a call. */
const item = (names: Names, value: string, path: string): string => `case
        when jsonb_typeof(${value}) in ('string', 'boolean', 'null')
          or (jsonb_typeof(${value}) = 'number' and cast(${value} as text) ~ '^-?[0-9]{1,15}$')
        then cast(${value} as text)
        else ${names.canonicalJson}(${value}, ${path}, depth + 1)
      end`;

const canonicalJson = (names: Names, body: string): string => `
-- The same text as the library's codec: no spaces, keys in the order of their UTF-16 code units, numbers as JavaScript
-- writes them. Before a character beyond U+FFFF comes U+E000, and before one from U+E000 on U+E001: so prepared, the order
-- of code points, which the collation "C" has, is the order of UTF-16.
create function ${names.canonicalJson}(given jsonb, path text, depth integer)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as ${body};
`;

const jsonWriting = (names: Names): string => `
declare
  late constant text := concat('(?=[', chr(57344), '-', chr(65535), '])');
  beyond constant text := concat('(?=[', chr(65536), '-', chr(1114111), '])');
  written text;
begin
  case jsonb_typeof(given)
  when 'number' then
    written := ${names.canonicalNumber}(cast(given as numeric));
    if written is null then
      raise exception '% is a number that a double (IEEE 754) does not keep', path
        using errcode = 'OW004', hint = 'round it, or send it as text';
    end if;
    return written;
  when 'object', 'array' then
    if depth >= 200 then
      raise exception '% is nested deeper than 200', path
        using errcode = 'OW004', hint = 'flatten the data';
    end if;
  else
    return cast(given as text);
  end case;
  if jsonb_typeof(given) = 'array' then
    select concat('[', string_agg(
      ${item(names, "e.item", "concat(path, '[', e.place - 1, ']')")},
      ',' order by e.place
    ), ']')
    into written
    from jsonb_array_elements(given) with ordinality as e (item, place);
  else
    select concat('{', string_agg(
      concat(to_json(e.key), ':', ${item(names, "e.value", "concat(path, '.', e.key)")}),
      ',' order by regexp_replace(regexp_replace(e.key, late, chr(57345), 'g'), beyond, chr(57344), 'g') collate "C"
    ), '}')
    into written
    from jsonb_each(given) as e (key, value);
  end if;
  return written;
end
`;

const enqueue = (names: Names, body: string): string => `
-- Owes a task, in the transaction that calls this. It runs with the rights of the owner, so that whoever may call it needs no
-- rights to the tables. It notifies nobody: a NOTIFY would hold a lock of the whole cluster while the caller commits.
create function ${names.enqueue}(
  type text,
  data jsonb,
  inout task_id text default null,
  reference_id text default null,
  run_at timestamptz default null,
  delay interval default null,
  headers jsonb default null,
  on_duplicate text default 'compare',
  max_data_bytes integer default 262144,
  out created boolean
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set extra_float_digits = 1
as ${body};
revoke execute on function ${names.enqueue} from public;
`;

const enqueueVariables = `
declare
  policy text := coalesce(on_duplicate, 'compare');
  limit_bytes integer := coalesce(max_data_bytes, 262144);
  field text;
  problem text;
  remedy text;
  content text;
  encoded text;
  number text;
  due_ms text;
  verdict text;
`;

/** Everything is checked before anything is written. The limits are those of the library. */
const checks = `begin
  select f.field, f.problem, f.remedy into field, problem, remedy
  from (
    select t.field, case
        when t.given is null then 'is null'
        when t.given = '' then 'is empty'
        when octet_length(t.given) > t.most then format('is %s bytes long', octet_length(t.given))
      end, format('give text of 1 to %s bytes', t.most)
    from (values
      ('type', type, 200),
      ('task_id', coalesce(task_id, 'new'), 512),
      ('reference_id', coalesce(reference_id, 'none'), 512)
    ) as t (field, given, most)
    union all
    select 'data', case when data is null then 'is null' end, 'give jsonb; the value null of JSON is ''null'''
    union all
    select 'run_at', case
        when run_at is null then null
        when delay is not null then 'is given together with delay'
        when not isfinite(run_at) or run_at >= '10000-01-01 00:00:00+00' then 'is no instant before the year 10000'
      end, 'give one instant, or leave it out'
    union all
    select 'delay', case when delay < interval '0' or delay > interval '3660 days' then 'is out of range' end,
      'give an interval from 0 to ten years'
    union all
    select 'headers', case
        when headers is null then null
        when jsonb_typeof(headers) <> 'object' then 'is no object'
        when exists (select from jsonb_each(headers) h where jsonb_typeof(h.value) <> 'string' or h.key = '')
          then 'holds something that is no text, or has no name'
        when (select sum(octet_length(h.key) + octet_length(h.value)) from jsonb_each_text(headers) h) > 4096
          then 'is too large'
      end, 'give an object of text, of at most 4096 bytes in all'
    union all
    select 'on_duplicate', case when policy not in ('compare', 'throw', 'keep') then format('is "%s"', policy) end,
      'give ''compare'', ''throw'' or ''keep'''
  ) as f (field, problem, remedy)
  where f.problem is not null
  limit 1;
  if found then
    raise exception '% %', field, problem using errcode = 'OW003', hint = remedy;
  end if;
  if getdatabaseencoding() <> 'UTF8' then
    raise exception 'the encoding of this database is %, and tasks are written in UTF8', getdatabaseencoding()
      using errcode = 'feature_not_supported';
  end if;
`;

/** The two steps of the library: an insert, and only for a duplicate a comparison. Under SERIALIZABLE a look first would read a gap that others write into. */
const writing = (names: Names): string => `
  content := ${names.canonicalJson}(data, 'data', 0);
  if octet_length(content) > limit_bytes then
    raise exception 'data of "%" is % bytes and the limit is %', type, octet_length(content), limit_bytes
      using errcode = 'OW005', hint = 'store the large part elsewhere and put its key into data';
  end if;
  encoded := encode(convert_to(content, 'UTF8'), 'base64');
  number := cast(cast(cast('x' || encode(substr(sha256(convert_to(type, 'UTF8')), 1, 8), 'hex') as bit(64)) as bigint) as text);
  if run_at is not null or delay is not null then
    due_ms := cast(greatest(extract(epoch from coalesce(run_at, clock_timestamp() + delay)) * 1000, 0) as text);
  end if;
  -- Version 7 of RFC 9562: 48 bits of time, then randomness; the bits of the version are 0111 in place of 0100.
  task_id := coalesce(task_id, cast(cast(encode(set_bit(set_bit(overlay(
    uuid_send(gen_random_uuid())
    placing substr(int8send(cast(floor(extract(epoch from clock_timestamp()) * 1000) as bigint)), 3)
    from 1 for 6
  ), 52, 1), 53, 1), 'hex') as uuid) as text));
  created := exists (
    select
    from ${names.insertTasks1}(
      cast(array[task_id] as text), cast(array[type] as text), cast(array[number] as text), cast(array[encoded] as text),
      '{json}', cast(array[reference_id] as text), cast(array[cast(nullif(headers, '{}') as text)] as text),
      '{0}', cast(array[due_ms] as text), '{false}', null, null, null
    ) as r
    where r.id is not null
  );
  if created then
    return;
  end if;
  select r.verdict into verdict
  from ${names.resolveDuplicates}(
    array[task_id], array[type], array[cast(number as bigint)], array[encoded],
    '{json}', array[reference_id], array[cast(nullif(headers, '{}') as text)],
    '{0}', array[cast(due_ms as double precision)], '{false}', array[policy], null, null, null, null
  ) as r;
  if verdict = 'different' then
    raise exception 'task "%" stands already with another type or other data', task_id
      using errcode = 'OW001', hint = 'use another task_id for other work; on_duplicate => ''keep'' takes what stands';
  elsif verdict = 'exists' then
    raise exception 'task "%" exists already and on_duplicate is ''throw''', task_id
      using errcode = 'OW002';
  end if;
  created := verdict = 'created';
end
`;
