/** From candidates to claimed tasks. Parameters as in claim.ts. */
import { LOST_DELAY } from "../../contract.ts";
import type { Names } from "../identifier.ts";
import { columns } from "./claim-candidates.ts";

/** Drops what has changed since it was seen: it was locked as it is now, and is compared as it is now. */
const unchanged = (locked: string, seen: string): string => `from ${locked} l
    join ${seen} c
      on c.id = l.id
      and l.owner is not distinct from c.owner
      and l.claim is not distinct from c.claim
      and l.next_attempt_at = c.next_attempt_at
      and l.lost_attempts = c.lost_attempts`;

/**
 * From candidates to claimed tasks: lock, cut by type, number and bytes, write once, tell the losses. `= any` over ids
 * keeps each reading at the primary key, page by page, whatever the planner thinks of joins.
 */
export const taken = (names: Names): string =>
  [locks(names), takeable, roomOfTypes, choice(names), writes(names)].join(",\n  ");

/** The same, cut by keys before types: `each` of `wanted` is the room of each key, unless `named_key` tells another. */
export const takenByKeys = (names: Names): string =>
  [locks(names), takeable, roomOfKeys, choice(names), writes(names)].join(",\n  ");

const locks = (names: Names): string => `first_locked as materialized (
    select ${columns}
    from ${names.pending} p
    where p.id = any (array(select h.id from healthy h))
    order by p.id in (select h.id from healthy h where h.spare), p.next_attempt_at, p.id
    limit cast($4 as bigint)
    for update skip locked
  ),
  locked_healthy as materialized (
    select l.id, l.type, l.next_attempt_at, l.key
    ${unchanged("first_locked", "healthy")}
  ),
  then_locked as materialized (
    select ${columns}, p.generation
    from ${names.pending} p
    where p.id = any (array(select t.id from troubled t))
    order by p.id
    for update skip locked
  ),
  locked_troubled as materialized (
    select l.id, l.type, l.next_attempt_at, l.key, l.owner, l.claim, l.generation, c.dead,
      l.lost_attempts + case when c.dead then 1 else 0 end as lost_attempts
    ${unchanged("then_locked", "troubled")}
  )`;

/** Cut by suspects. */
const takeable = `takeable as materialized (
    select h.id, h.type, h.next_attempt_at, h.key from locked_healthy h
    union all
    select s.id, s.type, s.next_attempt_at, s.key
    from (
      select l.id, l.type, l.next_attempt_at, l.key
      from locked_troubled l
      where l.lost_attempts = 1
      order by l.next_attempt_at, l.id
      limit cast($6 as bigint)
    ) s
  )`;

/** Cut by type. */
const roomOfTypes = `roomy as materialized (
    select r.*
    from (
      select t.*, row_number() over (partition by t.type order by t.next_attempt_at, t.id) as of_type
      from takeable t
    ) r
    join wanted w on w.type = r.type
    where r.of_type <= w.room
  )`;

/** Cut by key, then by type. */
const roomOfKeys = `roomy as materialized (
    select r.*
    from (
      select k.*, row_number() over (partition by k.type order by k.next_attempt_at, k.id) as of_type
      from (
        select
          t.*,
          w.room,
          coalesce((select n.room from named_key n where n.key = t.key), w.each) as key_room,
          row_number() over (partition by t.type, t.key order by t.next_attempt_at, t.id) as of_key
        from takeable t
        join wanted w on w.type = t.type
      ) k
      where k.key is null
        or k.key_room is null
        or k.of_key <= k.key_room
    ) r
    where r.of_type <= r.room
  )`;

/** Cut by number and by bytes; the oldest is taken whatever its size. */
const choice = (names: Names): string => `content as materialized (
    select k.id, k.task_id, k.type, k.key, k.data, k.codec, k.reference_id, k.headers, k.created_at
    from ${names.task} k
    where k.id = any (array(select r.id from roomy r))
  ),
  chosen as materialized (
    select b.*
    from (
      select
        k.*,
        row_number() over due_order as place,
        sum(coalesce(octet_length(k.data), 0)) over due_order as bytes
      from roomy r
      join content k on k.id = r.id
      window due_order as (order by r.next_attempt_at, r.id rows unbounded preceding)
    ) b
    where b.place <= cast($4 as bigint)
      and (b.place = 1 or b.bytes <= cast($5 as bigint))
  ),
  verdict as materialized (
    select c.id, true as is_taken, cast(null as timestamptz) as next_attempt_at
    from chosen c
    union all
    select l.id, false, case
      when l.lost_attempts >= 2
      then i.at + least(${LOST_DELAY.firstMs} * 2 ^ least(l.lost_attempts - 2, 30), ${LOST_DELAY.longestMs}) * interval '1 millisecond'
    end
    from locked_troubled l
    cross join instant i
    where l.dead and l.id not in (select c.id from chosen c)
  )`;

const writes = (names: Names): string => `moved as (
    update ${names.pending} p
    set
      owner = case when v.is_taken then cast($1 as bigint) end,
      claim = case when v.is_taken then cast($2 as bigint) end,
      next_attempt_at = coalesce(v.next_attempt_at, p.next_attempt_at),
      lost_attempts = p.lost_attempts + case when l.dead then 1 else 0 end
    from verdict v
    left join locked_troubled l on l.id = v.id
    where p.id = v.id
      and p.id = any (array(select s.id from verdict s))
    returning p.id, p.generation, p.failed_attempts, p.lost_attempts, p.deferred_attempts, p.since, p.deferred_since
  ),
  lost as (
    insert into ${names.attempt} (id, outcome, generation, owner, claim, accepted, recorded_at)
    select l.id, 'lost', l.generation, l.owner, l.claim, true, i.at
    from locked_troubled l
    cross join instant i
    where l.dead
  )`;
