/** Statements that find out where born claims stand. A standby may know less than its primary: it says what it is. */
import type { Names } from "../identifier.ts";
import type { Statement } from "./statement.ts";

/** A row that only a standby adds: telling it costs no statement of its own. */
const orStandby = `union all
select null, 'true'
where pg_is_in_recovery()`;

/** $1 ids, $2 owners, $3 claims, $4 generations; answers the places (from 1) of those that stand under their token. */
export const standingClaims = (names: Names): Statement => ({
  name: "owed_standing_claims",
  text: `select cast(g.place as text) as place, cast(null as text) as is_standby
from unnest(cast($1 as bigint[]), cast($2 as bigint[]), cast($3 as bigint[]), cast($4 as integer[]))
  with ordinality as g (id, owner, claim, generation, place)
join ${names.pending} p
  on p.id = g.id
  and p.owner = g.owner
  and p.claim = g.claim
  and p.generation = g.generation
where p.id = any (cast($1 as bigint[]))
${orStandby}`,
});

/** $1 marks; answers those whose transaction is still under way. */
export const openTransactions = (names: Names): Statement => ({
  name: "owed_open_transactions",
  text: `select o.mark, cast(null as text) as is_standby
from ${names.openTransactions}(cast($1 as text[])) o
${orStandby}`,
});
