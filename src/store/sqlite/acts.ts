/** What people did, on record. */
import { InvalidInputError } from "../../errors.ts";
import type { TaskState } from "../../task/task.ts";
import type { Act, ActName, ActPage, ActRequest, NewAct } from "../contract.ts";
import { actsOfActor, actsOfTask, actsPage, insertAct } from "./act-statements.ts";
import type { Connection } from "./connection.ts";

const MOST_PER_PAGE = 1_000;
const LARGEST_NUMBER = 2n ** 63n - 1n;

interface ActRow {
  readonly number: number;
  readonly at: number;
  readonly actor: string;
  readonly via: string;
  readonly action: ActName;
  readonly task_id: string;
  readonly type: string | null;
  readonly reference_id: string | null;
  readonly generation: number | null;
  readonly state: TaskState | null;
  readonly outcome: Act["outcome"];
  readonly reason: string | null;
}

/** Writes an act. */
export function recordAct(connection: Connection, act: NewAct, nowMs: number): void {
  const { taskId, referenceId, ...rest } = act;
  connection.run(insertAct, { ...rest, task_id: taskId, reference_id: referenceId, at: nowMs });
}

/** A page of acts, newest first. Throws InvalidInputError for a request that no page answers. */
export function listActs(connection: Connection, { taskId, actor, cursor, limit }: ActRequest): ActPage {
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST_PER_PAGE) {
    throw new InvalidInputError("limit", `is ${limit}`, "give a whole number from 1 to 1,000");
  }
  if (cursor !== undefined && !/^[1-9]\d{0,17}$/.test(cursor)) {
    throw new InvalidInputError("cursor", "is not one of this list", "pass a page's nextCursor unchanged");
  }
  const page = { before: cursor === undefined ? LARGEST_NUMBER : BigInt(cursor), limit: limit + 1 };
  const rows =
    taskId !== undefined
      ? connection.all<ActRow>(actsOfTask, { ...page, task_id: taskId, actor: actor ?? null })
      : actor !== undefined
        ? connection.all<ActRow>(actsOfActor, { ...page, actor })
        : connection.all<ActRow>(actsPage, page);
  const shown = rows.slice(0, limit);
  const last = rows.length > limit ? shown.at(-1) : undefined;
  return { acts: shown.map(actOf), nextCursor: last === undefined ? null : String(last.number) };
}

function actOf({ at, task_id, reference_id, ...row }: ActRow): Act {
  const { actor, via, action, type, generation, state, outcome, reason } = row;
  const named = { taskId: task_id, type, referenceId: reference_id };
  return { actor, via, action, ...named, generation, state, outcome, reason, at: new Date(at) };
}
