/** Statements about confirmations inside callers' transactions. */
import type { Names } from "../identifier.ts";
import type { Statement } from "./statement.ts";

/**
 * Confirms one task under its current claim: $1 id, $2 owner, $3 claim, $4 generation, $5 now in ms. It runs on callers'
 * transactions, whatever their isolation level: nothing but a claim, a settlement or an operator changes the row, and no
 * heartbeat does. Each value is cast to text first, since some drivers would make something else of it.
 */
export const confirmWithin = (names: Names): string => `select cast(${names.confirmWithin}(
  cast(cast($1 as text) as bigint),
  cast(cast($2 as text) as bigint),
  cast(cast($3 as text) as bigint),
  cast(cast($4 as text) as integer),
  cast(cast($5 as text) as double precision)
) as text) as confirmed`;

/**
 * What became of such confirmations: $1 ids, $2 owners, $3 claims, $4 generations. A row that stands and can be locked is
 * confirmed by nobody: a transaction that had done so would hold its lock until it has ended.
 */
export const readConfirmations = (names: Names): Statement => ({
  name: "owed_read_confirmations",
  text: `with
  given as materialized (
    select g.*
    from unnest(cast($1 as bigint[]), cast($2 as bigint[]), cast($3 as bigint[]), cast($4 as integer[]))
      with ordinality as g (id, owner, claim, generation, place)
  ),
  free as materialized (
    select p.id
    from ${names.pending} p
    where p.id = any (cast($1 as bigint[]))
    order by p.id
    for update skip locked
  )
select
  case
    when exists (
      select
      from ${names.confirmed} c
      where c.bucket = g.id / 1024
        and c.owner = g.owner
        and g.id = any (c.ids)
        and coalesce(c.generations[array_position(c.ids, g.id)], 1) = g.generation
    ) then 'confirmed'
    when p.id is null then 'lost'
    when f.id is null then 'open'
    else 'held'
  end as standing
from given g
left join ${names.pending} p
  on p.id = g.id
  and p.owner = g.owner
  and p.claim = g.claim
  and p.generation = g.generation
left join free f on f.id = g.id
order by g.place`,
});
