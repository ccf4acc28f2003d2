/** Statements that read one page of tasks, by age: its numbers and what stands about them in one snapshot. */
import type { Names } from "../identifier.ts";
import { taskColumns } from "./operator.ts";
import { instantOf, type Statement } from "./statement.ts";

/** By age. */
type Order = "ascending" | "descending";

const words = {
  ascending: { beyond: ">", sort: "asc", start: "-1" },
  descending: { beyond: "<", sort: "desc", start: "9223372036854775807" },
} as const;

const idPage = (kind: string, names: Names, condition: string): Statement => ({
  name: `owed_task_id_${kind}`,
  text: `select
  ${taskColumns}
from ${names.taskState} v
where v.id = any (array(
select t.id
from ${names.task} t
where t.task_id >= $1
  and t.task_id > $2${condition}
order by t.task_id
limit cast($3 as bigint)
))
order by v.task_id`,
});

/** By task id: $1 where the range begins, $2 last id of the page before, $3 tasks at most, $4 where the range ends. */
export const taskIdPage = (names: Names): Statement => idPage("page", names, " and t.task_id < $4");

/** As above, to the last of all ids. */
export const taskIdTail = (names: Names): Statement => idPage("tail", names, "");

/** The tasks whose numbers `page` reads. As an array they are looked up by key, however many the planner expects. */
const pageOf = (kind: string, names: Names, order: Order, page: string): Statement => ({
  name: `owed_${kind}_page_${order}`,
  text: `select
  cast(v.id as text) as id,
  ${taskColumns}
from ${names.taskState} v
where v.id = any (array(
${page}
))
order by v.id ${words[order].sort}`,
});

/** $1 last number of the page before or null, $2 tasks at most, $3 type or null. */
export const pendingPage = (names: Names, order: Order): Statement =>
  pageOf(
    "pending",
    names,
    order,
    `select p.id
from ${names.pending} p
where p.id ${words[order].beyond} coalesce(cast($1 as bigint), ${words[order].start})
  and (cast($3 as bigint) is null or p.type = cast($3 as bigint))
order by p.id ${words[order].sort}
limit cast($2 as bigint)`,
  );

/** As above, only those that are due and nobody holds; $4 now in ms. */
export const readyPage = (names: Names, order: Order): Statement =>
  pageOf(
    "ready",
    names,
    order,
    `with ${instantOf("$4")}
select p.id
from ${names.pending} p
where p.id ${words[order].beyond} coalesce(cast($1 as bigint), ${words[order].start})
  and (cast($3 as bigint) is null or p.type = cast($3 as bigint))
  and p.next_attempt_at <= (select i.at from instant i)
  and (p.owner is null or p.owner <> all (array(select r.owner from ${names.process} r)))
order by p.id ${words[order].sort}
limit cast($2 as bigint)`,
  );

/** As above, $4 the state: failed or cancelled. */
export const settledPage = (names: Names, order: Order): Statement =>
  pageOf(
    "settled",
    names,
    order,
    `select s.id
from ${names.settled} s
where s.state = $4
  and s.id ${words[order].beyond} coalesce(cast($1 as bigint), ${words[order].start})
  and (cast($3 as bigint) is null or s.type = cast($3 as bigint))
order by s.id ${words[order].sort}
limit cast($2 as bigint)`,
  );

/** As above, $3 the name of the type or null. Buckets come in order, so that sorting goes no further than the page. */
export const confirmedPage = (names: Names, order: Order): Statement =>
  pageOf(
    "confirmed",
    names,
    order,
    `select u.id
from ${names.confirmed} c
cross join lateral unnest(c.ids) as u (id)
where c.bucket ${words[order].beyond}= coalesce(cast($1 as bigint), ${words[order].start}) / 1024
  and u.id ${words[order].beyond} coalesce(cast($1 as bigint), ${words[order].start})
  and (
    cast($3 as text) is null
    or exists (select from ${names.task} t where t.id = u.id and t.type = cast($3 as text))
  )
order by c.bucket ${words[order].sort}, u.id ${words[order].sort}
limit cast($2 as bigint)`,
  );
