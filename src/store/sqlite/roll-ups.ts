/** Roll-ups: added to where they stand, folded from minutes into hours. Each within one transaction. */
import type { RollUp, RollUpAnswer, RollUpRequest, TimedRollUp } from "../contract.ts";
import {
  addRollUps,
  beginningOf,
  FOLDED_AT_ONCE,
  foldingAt,
  HOUR_MS,
  MINUTE_MS,
  MOST_ROLL_UPS,
} from "../roll-up.ts";
import type { Connection } from "./connection.ts";
import {
  deleteRollUp,
  findFoldable,
  findRollUp,
  findRollUps,
  findRollUpsOfType,
  writeRollUp,
} from "./roll-up-statements.ts";

interface RollUpRow {
  readonly minutes: 1 | 60;
  readonly begins_at: number;
  readonly type: string;
  readonly confirmed: number;
  readonly failed: number;
  readonly given_up: number;
  readonly waits: string;
  readonly runs: string;
  readonly slowest_ms: number | null;
  readonly slowest_task_id: string | null;
}

/** Adds to the rows of the present minute. */
export function addAll(connection: Connection, given: readonly RollUp[], nowMs: number): void {
  const beginsAt = new Date(beginningOf(nowMs, MINUTE_MS));
  for (const rollUp of given) add(connection, { ...rollUp, beginsAt, minutes: 1 });
}

/** Those that begin in a span of time, oldest first. */
export function readRollUps(connection: Connection, request: RollUpRequest, nowMs: number): RollUpAnswer {
  const { spanMs, type } = request;
  const from = { from: Math.ceil(nowMs - spanMs), limit: MOST_ROLL_UPS };
  const rows =
    type === undefined
      ? connection.all<RollUpRow>(findRollUps, from)
      : connection.all<RollUpRow>(findRollUpsOfType, { ...from, type });
  return { now: new Date(nowMs), rollUps: rows.reverse().map(rollUpOf) };
}

/** Makes hours of minutes, forgets hours; answers how many rows went. */
export function foldRollUps(connection: Connection, nowMs: number): number {
  const { minutesBefore, hoursBefore } = foldingAt(nowMs);
  const minutes = connection.all<RollUpRow>(findFoldable, {
    minutes: 1,
    before: minutesBefore,
    limit: FOLDED_AT_ONCE,
  });
  for (const row of minutes) {
    remove(connection, row);
    const beginsAt = new Date(beginningOf(row.begins_at, HOUR_MS));
    add(connection, { ...rollUpOf(row), beginsAt, minutes: 60 });
  }
  const hours = connection.all<RollUpRow>(findFoldable, {
    minutes: 60,
    before: hoursBefore,
    limit: FOLDED_AT_ONCE,
  });
  for (const row of hours) remove(connection, row);
  return minutes.length + hours.length;
}

function remove(connection: Connection, { minutes, begins_at, type }: RollUpRow): void {
  connection.run(deleteRollUp, { minutes, begins_at, type });
}

function add(connection: Connection, row: TimedRollUp): void {
  const key = { minutes: row.minutes, begins_at: row.beginsAt.getTime(), type: row.type };
  const found = connection.first<RollUpRow>(findRollUp, key);
  const sum = found === undefined ? row : addRollUps(rollUpOf(found), row);
  connection.run(writeRollUp, {
    ...key,
    confirmed: sum.confirmed,
    failed: sum.failed,
    given_up: sum.givenUp,
    waits: JSON.stringify(sum.waits),
    runs: JSON.stringify(sum.runs),
    slowest_ms: sum.slowest?.ms ?? null,
    slowest_task_id: sum.slowest?.taskId ?? null,
  });
}

function rollUpOf(row: RollUpRow): TimedRollUp {
  const { slowest_ms: ms, slowest_task_id: taskId } = row;
  return {
    type: row.type,
    beginsAt: new Date(row.begins_at),
    minutes: row.minutes,
    confirmed: row.confirmed,
    failed: row.failed,
    givenUp: row.given_up,
    waits: JSON.parse(row.waits) as number[], // written above, as is the next
    runs: JSON.parse(row.runs) as number[],
    slowest: taskId === null || ms === null ? null : { taskId, ms },
  };
}
