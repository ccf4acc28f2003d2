/** Statements about what people did. */
import type { Names } from "../identifier.ts";
import { inMilliseconds, instantOf, type Statement } from "./statement.ts";

/** $1 now in ms, $2 actor, $3 via, $4 reason, $5 action, $6 task id, $7 type, $8 reference, $9 generation, $10 state, $11 outcome. */
export const recordAct = (names: Names): Statement => ({
  name: "owed_record_act",
  text: `with ${instantOf("$1")}
insert into ${names.act} (at, actor, via, reason, action, task_id, type, reference_id, generation, state, outcome)
select i.at, $2, $3, $4, $5, $6, $7, $8, cast($9 as integer), $10, $11
from instant i`,
});

const page = (kind: string, names: Names, condition: string): Statement => ({
  name: `owed_acts_${kind}`,
  text: `select
  cast(a.number as text) as number,
  ${inMilliseconds("a.at")} as at_ms,
  a.actor,
  a.via,
  a.action,
  a.task_id,
  a.type,
  a.reference_id,
  cast(a.generation as text) as generation,
  a.state,
  a.outcome,
  a.reason
from ${names.act} a
where a.number < coalesce(cast($1 as bigint), 9223372036854775807)${condition}
order by a.number desc
limit cast($2 as bigint)`,
});

/** $1 last number of the page before or null, $2 acts at most. */
export const actsPage = (names: Names): Statement => page("page", names, "");

/** As above, $3 the task id, $4 the actor or null. */
export const actsOfTask = (names: Names): Statement =>
  page("of_task", names, "\n  and a.task_id = $3\n  and a.actor = coalesce(cast($4 as text), a.actor)");

/** As above, $3 the actor. */
export const actsOfActor = (names: Names): Statement => page("of_actor", names, "\n  and a.actor = $3");
