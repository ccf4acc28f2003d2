/** Statements on a caller's transaction: they see the caller's search_path, so what can be qualified in them is. */
import type { Names } from "../identifier.ts";

const placeholders = (count: number): string =>
  Array.from({ length: count }, (_, index) => `cast($${index + 1} as text)`).join(", ");

/**
 * Writes one task. $1 task id, $2 type, $3 its number, $4 data in base64, $5 codec, $6 reference id, $7 headers, $8 delay
 * in ms, $9 due in ms, $10 owner, $11 claim, $12 policy: null leaves a duplicate to be resolved, $13 now in ms.
 */
export const insertTask = (names: Names): string =>
  `select ${names.insertTask}(${placeholders(13)}) as answer`;

/** The same for many, in lists: $10 born claimed, then $11 owner, $12 claim, $13 policies, $14 now in ms. */
export const insertTasks = (names: Names): string =>
  `select r.ids as ids, r.mark as mark from ${names.insertTasks}(${placeholders(14)}) r`;

/** The same for tasks with keys: then $15 keys, $16 their numbers. */
export const insertKeyedTasks = (names: Names): string =>
  `select r.ids as ids, r.mark as mark from ${names.insertKeyedTasks}(${placeholders(16)}) r`;

/** Gives keys to tasks that resolving has written: $1 ids, $2 keys, $3 their numbers. */
export const setKeys = (names: Names): string => `select cast(r.id as text) as id
from ${names.setKeys}(
  cast(cast($1 as text) as bigint[]),
  cast(cast($2 as text) as text[]),
  cast(cast($3 as text) as bigint[])
) r`;

/** Compares what stood already. $1 to $10 as above, then $11 policies, $12 owner, $13 claim, $14 created ids, $15 now in ms. */
export const resolveDuplicates = (names: Names): string => `select
  r.task_id as task_id,
  r.verdict as verdict,
  cast(r.id as text) as id
from ${names.resolveOwnDuplicates}(
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
