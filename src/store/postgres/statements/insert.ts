/** Statements on a caller's transaction: they see the caller's search_path, so what can be qualified in them is. */
import type { Names } from "../identifier.ts";

/**
 * Writes what is new. One row is always answered, since the transaction's number is wanted even when all stand already.
 * $1 task ids, $2 types, $3 their numbers, $4 data in base64, $5 codecs, $6 reference ids, $7 headers, $8 delays in ms,
 * $9 due in ms, $10 born claimed, $11 owner, $12 claim, $13 now in ms.
 */
export const insertTasks = (names: Names): string => {
  const parameters = Array.from({ length: 13 }, (_, index) => `cast($${index + 1} as text)`);
  return `select r.id as id, r.task_id as task_id, r.mark as mark from ${names.insertTasks}(${parameters.join(", ")}) r`;
};

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
