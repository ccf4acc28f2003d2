/** What people did, in the order in which it was recorded. */
import { InvalidInputError } from "../../errors.ts";
import type { Act, ActName, ActPage, ActRequest, NewAct, OperatorAnswer, OperatorCall } from "../contract.ts";
import { stateOf, type TaskRow } from "./rows.ts";

/** The acts of a memory store. */
export class Acts {
  readonly #acts: Act[] = [];

  record(act: NewAct, nowMs: number): void {
    this.#acts.push(Object.freeze({ ...act, at: new Date(nowMs) }));
  }

  list({ taskId, actor, cursor, limit }: ActRequest): ActPage {
    if (!Number.isInteger(limit) || limit < 1 || limit > 1_000) {
      throw new InvalidInputError("limit", `is ${limit}`, "give a whole number from 1 to 1,000");
    }
    const end = cursor === undefined ? this.#acts.length : Number(cursor);
    if (!Number.isSafeInteger(end) || end < 0) {
      throw new InvalidInputError("cursor", "is not one of this list", "pass a page's nextCursor unchanged");
    }
    const found = this.#acts
      .slice(0, end)
      .map((act, place) => ({ act, place }))
      .filter(({ act }) => (taskId ?? act.taskId) === act.taskId && (actor ?? act.actor) === act.actor)
      .reverse();
    const page = found.slice(0, limit);
    const last = found.length > limit ? page.at(-1) : undefined;
    return { acts: page.map(({ act }) => act), nextCursor: last === undefined ? null : String(last.place) };
  }
}

/** How a task stands before an operation, for the record. */
export function standingBefore(
  row: TaskRow | undefined,
): Pick<NewAct, "type" | "referenceId" | "generation" | "state"> {
  if (row === undefined) return { type: null, referenceId: null, generation: null, state: null };
  const { type, referenceId, generation } = row;
  return { type, referenceId, generation, state: stateOf(row) };
}

/** What an operation leaves on record; null where nobody was named. */
export function actOf(
  action: ActName,
  taskId: string,
  before: ReturnType<typeof standingBefore>,
  answer: OperatorAnswer,
  call: OperatorCall | undefined,
): NewAct | null {
  if (call?.by === undefined) return null;
  const outcome = answer.done ? "done" : answer.state;
  const generation = before.generation === null ? null : (call.generation ?? before.generation);
  return { ...call.by, action, taskId, ...before, generation, outcome };
}
