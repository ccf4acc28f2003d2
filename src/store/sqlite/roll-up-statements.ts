/** Statements about what attempts add up to. */

const columns = `select
  minutes,
  begins_at,
  type,
  confirmed,
  failed,
  given_up,
  waits,
  runs,
  slowest_ms,
  slowest_task_id
from owed_roll_up`;

/** One row. */
export const findRollUp = `${columns}
where minutes = :minutes
  and begins_at = :begins_at
  and type = :type`;

const found = (condition: string): string => `${columns}
where minutes in (1, 60)
  and begins_at >= :from${condition}
order by begins_at desc, type desc
limit :limit`;

/** Those that begin no earlier than :from, newest first. */
export const findRollUps: string = found("");
/** As above, of one type. */
export const findRollUpsOfType: string = found("\n  and type = :type");

/** Rows of :minutes that begin before :before. */
export const findFoldable = `${columns}
where minutes = :minutes
  and begins_at < :before
order by begins_at, type
limit :limit`;

/** Writes a row, in place of the one that stands. */
export const writeRollUp = `insert or replace into owed_roll_up (
  minutes, begins_at, type, confirmed, failed, given_up, waits, runs, slowest_ms, slowest_task_id
)
values (
  :minutes, :begins_at, :type, :confirmed, :failed, :given_up, :waits, :runs, :slowest_ms, :slowest_task_id
)`;

/** Deletes a row. */
export const deleteRollUp = `delete from owed_roll_up
where minutes = :minutes
  and begins_at = :begins_at
  and type = :type`;
