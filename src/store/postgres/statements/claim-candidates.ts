/** Who may be claimed: candidates in due order, each with what was seen of it. Parameters as in claim.ts. */
import type { Names } from "../identifier.ts";

/** What is carried from the reading of a candidate to its lock. */
export const columns = "p.id, p.type, p.owner, p.claim, p.next_attempt_at, p.lost_attempts, p.key";
/** Condition of a row that is due; the instant is read once, so that the bound can be an index condition. */
export const due = "p.next_attempt_at <= (select i.at from instant i)";
/** The order in which tasks are claimed. */
export const inDueOrder = "order by p.next_attempt_at, p.id";
/** Nobody holds it, or this process under a claim it does not know. */
export const freeAs = (row: string): string =>
  `(${row}.owner is null or (${row}.owner = cast($1 as bigint) and ${row}.claim < cast($2 as bigint) and ${row}.claim <> all (cast($3 as bigint[]))))`;
/** Condition of a row that costs nothing to claim: nobody holds it, or this process under a claim it does not know. */
export const free = freeAs("p");

/** Held by a process that is not registered. The list of processes is read once, and only if a held row is met. */
export const dead = (names: Names): string =>
  `(p.owner <> cast($1 as bigint) and p.owner <> all (array(select r.owner from ${names.process} r)))`;

/**
 * Whether this process may claim: it is registered, since a claim of another would only be counted lost. With the answer
 * the transaction of the claim is told not to wait for the disk: a claim that a crash of the server takes back leaves its
 * task free, under a number that is not used again.
 */
export const mayClaim = (names: Names): string =>
  `exists (select from ${names.process} r where r.owner = cast($1 as bigint))
      and (select set_config('synchronous_commit', 'off', true)) = 'off'`;

const msSince = (instant: string): string =>
  `cast(greatest(extract(epoch from (select i.at from instant i) - ${instant}) * 1000, 0) as bigint)`;

/**
 * What is told of a claimed task: `task` and `owed` are where its columns stand. Each column costs in every row, so what
 * has been is told in one, and only of a task of which there is something to tell.
 */
export const claimedColumns = (task: string, owed: string): string => `cast(${task}.id as text) as id,
  ${task}.task_id,
  ${task}.type,
  encode(${task}.data, 'base64') as data,
  ${task}.codec,
  ${task}.reference_id,
  cast(${task}.headers as text) as headers,
  cast(${msSince(`coalesce(${owed}.since, ${task}.created_at)`)} as text) as age_ms,
  case
    when ${owed}.generation > 1 or ${owed}.failed_attempts > 0 or ${owed}.lost_attempts > 0 or ${owed}.deferred_attempts > 0
      then concat_ws(' ', ${owed}.generation, coalesce(${owed}.failed_attempts, 0), ${owed}.lost_attempts,
        coalesce(${owed}.deferred_attempts, 0), ${msSince(`${owed}.deferred_since`)})
  end as past`;

/**
 * The types asked for, with the room for each and from where it is read; also those without room, since a task may wait to
 * be claimed alone.
 */
export const namedTypes = (names: Names): string => `wanted as materialized (
    select
      w.type,
      least(w.room, cast($4 as bigint)) as room,
      coalesce(cast('epoch' as timestamptz) + w.floor * interval '1 microsecond', '-infinity') as floor
    from unnest(cast($8 as bigint[]), cast($9 as bigint[]), cast($10 as bigint[])) as w (type, room, floor)
    where ${mayClaim(names)}
  )`;

/** Every type with pending tasks, found by hopping from one to the next in the index. */
export const everyType = (names: Names): string => {
  const hops = (name: string, condition: string): string => `${name} (type) as (
    (select p.type from ${names.pending} p where ${condition} order by p.type limit 1)
    union all
    select hop.type
    from ${name} k
    cross join lateral (
      select p.type from ${names.pending} p where p.type > k.type and ${condition} order by p.type limit 1
    ) hop
  )`;
  return `${hops("ready_type", "p.lost_attempts = 0")},
  ${hops("suspect_type", "p.lost_attempts > 0")},
  wanted as materialized (
    select k.type, cast($4 as bigint) as room, cast('-infinity' as timestamptz) as floor
    from (select type from ready_type union select type from suspect_type) k
    where ${mayClaim(names)}
  )`;
};

/**
 * Never lost, and free or held by a dead process. Twice as many as there is room for are read, so that claimers who
 * come at the same moment find something beside what the first of them locks; `spare` tells them from the first choice.
 * Where a dead process held some, the scan goes on behind them for free ones alone: the dead hide nobody. The inner
 * limit is there for the planner, which knows its value.
 */
export const neverLost = (names: Names): string => `met as materialized (
    select c.*
    from wanted w
    cross join lateral (
      select m.*, not ${freeAs("m")} as dead
      from (
        select ${columns}
        from ${names.pending} p
        where p.type = w.type
          and p.lost_attempts = 0
          and ${due}
          and (${free} or ${dead(names)})
        ${inDueOrder}
        limit 2 * cast($4 as bigint)
      ) m
      limit 2 * w.room
    ) c
  ),
  beyond as materialized (
    select c.*
    from (
      select m.type, max(m.next_attempt_at) as next_attempt_at
      from met m
      group by m.type
      having bool_or(m.dead)
    ) e
    join wanted w on w.type = e.type
    cross join lateral (
      select m.*
      from (
        select ${columns}
        from ${names.pending} p
        where p.type = w.type
          and p.lost_attempts = 0
          and p.next_attempt_at >= e.next_attempt_at
          and ${due}
          and ${free}
        ${inDueOrder}
        limit 4 * cast($4 as bigint)
      ) m
      where m.id not in (select s.id from met s)
      limit 2 * w.room
    ) c
  ),
  healthy as materialized (
    select h.*, row_number() over (partition by h.type order by h.next_attempt_at, h.id) > w.room as spare
    from (
      select m.id, m.type, m.owner, m.claim, m.next_attempt_at, m.lost_attempts, m.key from met m where not m.dead
      union all
      select b.* from beyond b
    ) h
    join wanted w on w.type = h.type
  )`;

/** What needs care: its process has died; or it is free and was lost once; or both, and more. */
export const troubledOf = (names: Names): string => `troubled as materialized (
    select m.*
    from met m
    where m.dead
    union all
    select s.*, false as dead
    from wanted w
    cross join lateral (
      select m.*
      from (
        select ${columns}
        from ${names.pending} p
        where p.type = w.type
          and p.lost_attempts = 1
          and ${due}
          and ${free}
        ${inDueOrder}
        limit cast($6 as bigint)
      ) m
      limit w.room
    ) s
    union all
    ${relapsed(names, "p.lost_attempts > 0")}
  )`;

/** Lost before, and its process has died again. */
export const relapsed = (names: Names, condition: string): string => `select d.*, true as dead
    from wanted w
    cross join lateral (
      select ${columns}
      from ${names.pending} p
      where p.type = w.type
        and ${condition}
        and ${due}
        and ${dead(names)}
      ${inDueOrder}
      limit 1000
    ) d`;

/** Free and lost twice or more: what an idle process may claim alone, as far as a condition of the row p allows. */
export const aloneOf = (names: Names, allowed = "true"): string => `healthy as materialized (
    select f.*, w.room, false as spare
    from wanted w
    cross join lateral (
      select ${columns}
      from ${names.pending} p
      where p.type = w.type
        and p.lost_attempts >= 2
        and ${due}
        and ${free}
        and ${allowed}
      ${inDueOrder}
      limit 8
    ) f
  ),
  troubled as materialized (
    ${relapsed(names, "p.lost_attempts >= 2")}
  )`;

/** The named tasks, whatever stands before them. */
export const byIdOf = (names: Names): string => `standing as materialized (
    select ${columns}, ${free} as free, ${dead(names)} as dead
    from ${names.task} t
    join ${names.pending} p on p.id = t.id
    where t.task_id = any (cast($9 as text[]))
      and (cast($8 as bigint[]) is null or p.type = any (cast($8 as bigint[])))
      and (p.key is null or p.key <> all (cast($10 as bigint[])))
      and ${due}
      and ${mayClaim(names)}
  ),
  wanted as materialized (
    select distinct s.type, cast($4 as bigint) as room from standing s
  ),
  healthy as materialized (
    select s.id, s.type, s.owner, s.claim, s.next_attempt_at, s.lost_attempts, false as spare
    from standing s
    where s.free and s.lost_attempts = 0
  ),
  troubled as materialized (
    select s.id, s.type, s.owner, s.claim, s.next_attempt_at, s.lost_attempts, s.key, coalesce(s.dead, false) as dead
    from standing s
    where (s.free and s.lost_attempts = 1) or s.dead
  )`;
