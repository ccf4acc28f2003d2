/** Statements of the process registry. */
import type { Names } from "../identifier.ts";
import { inMilliseconds, instantOf, type Statement } from "./statement.ts";

/** A server that was started anew, restored, or takes over from another has another instant of start. */
const era = "cast(extract(epoch from pg_postmaster_start_time()) as text) as era";

/** $1 owner, $2 host, $3 pid, $4 types or null, $5 slots, $6 lease in ms, $7 now in ms. May be repeated. */
export const registerProcess = (names: Names): Statement => ({
  name: "owed_register_process",
  unpinned: "in a transaction",
  text: `with ${instantOf("$7")}
insert into ${names.process} as p (owner, host, pid, types, slots, lease_ms, registered_at, beat_at)
select
  cast($1 as bigint),
  $2,
  cast($3 as bigint),
  cast($4 as text[]),
  cast($5 as bigint),
  cast($6 as bigint),
  i.at,
  i.at
from instant i
on conflict (owner) do update
set
  beats = p.beats + 1,
  beat_at = excluded.beat_at,
  host = excluded.host,
  pid = excluded.pid,
  types = excluded.types,
  slots = excluded.slots,
  lease_ms = excluded.lease_ms
returning ${era}`,
});

/**
 * The heartbeat: $1 owner, $2 and $3 those to declare dead with the heartbeats seen, $4 now in ms. The own row is
 * written first; nobody is removed unless that succeeded. Rows of others are never waited for, so that two processes
 * which declare each other dead cannot block each other.
 */
export const beat = (names: Names): Statement => ({
  name: "owed_beat",
  unpinned: "in a transaction",
  text: `with ${instantOf("$4")},
own as (
  update ${names.process} p
  set
    beats = p.beats + 1,
    beat_at = i.at
  from instant i
  where p.owner = cast($1 as bigint)
  returning p.owner, p.beats
),
doomed as materialized (
  select p.owner
  from ${names.process} p
  join unnest(cast($2 as bigint[]), cast($3 as bigint[])) as d (owner, beats)
    on d.owner = p.owner
    and d.beats = p.beats
  where p.owner <> cast($1 as bigint)
    and exists (select from own)
  order by p.owner
  for update of p skip locked
),
removed as (
  delete from ${names.process} p
  using doomed d
  where p.owner = d.owner
  returning p.owner
)
select
  'own' as role,
  cast(o.owner as text) as owner,
  cast(o.beats as text) as beats,
  cast(null as text) as lease_ms,
  ${era}
from own o
union all
select
  'dead',
  cast(r.owner as text),
  cast(null as text),
  cast(null as text),
  cast(null as text)
from removed r
union all
select
  'other',
  cast(p.owner as text),
  cast(p.beats as text),
  cast(p.lease_ms as text),
  cast(null as text)
from ${names.process} p
where p.owner <> cast($1 as bigint)
  and p.owner not in (select r.owner from removed r)`,
});

/** $1 owner. */
export const removeProcess = (names: Names): Statement => ({
  name: "owed_remove_process",
  unpinned: "in a transaction",
  text: `delete from ${names.process} where owner = cast($1 as bigint)`,
});

/** The registered processes, longest registered first: $1 now in ms. */
export const showProcesses = (names: Names): Statement => ({
  name: "owed_show_processes",
  text: `with ${instantOf("$1")}
select
  cast(p.owner as text) as owner,
  p.host,
  cast(p.pid as text) as pid,
  cast(to_json(p.types) as text) as types,
  cast(p.slots as text) as slots,
  cast(p.lease_ms as text) as lease_ms,
  ${inMilliseconds("p.registered_at")} as registered_ms,
  ${inMilliseconds("p.beat_at")} as beat_ms,
  ${inMilliseconds("i.at")} as now_ms
from ${names.process} p
cross join instant i
order by p.registered_at, p.owner
limit 1000`,
});
