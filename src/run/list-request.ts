/** What operators ask for, checked before the store is asked. */
import { InvalidInputError } from "../errors.ts";
import type { ListRequest } from "../store/contract.ts";
import { checkType } from "../task/identifier.ts";
import { checkNames, checkObject, optionNames, shown } from "../task/option-checks.ts";
import { taskStates } from "../task/task.ts";

/** Default number of tasks of a page. */
const DEFAULT_LIMIT = 100;
/** Most tasks of a page. */
const LARGEST_LIMIT = 1_000;

const requestNames = optionNames<ListRequest>({
  state: true,
  type: true,
  ready: true,
  enqueuedFrom: true,
  enqueuedBefore: true,
  cursor: true,
  limit: true,
  order: true,
});

/** Throws InvalidInputError unless `state` is a state of a task. */
export function checkState(state: unknown): void {
  if (taskStates.some((known) => known === state)) return;
  throw new InvalidInputError("state", `is ${shown(state)}`, `use ${taskStates.join(", ")}`);
}

/** A request with its defaults. Throws InvalidInputError; whether a cursor is one of its own only the store can tell. */
export function listRequest(request: Partial<ListRequest> & Pick<ListRequest, "state">): ListRequest {
  checkObject("request", request, 'pass at least a state, as in { state: "failed" }');
  checkNames("list", request, requestNames);
  const { state, type, ready, cursor, limit = DEFAULT_LIMIT, order = "ascending" } = request;
  const { enqueuedFrom, enqueuedBefore } = request;
  for (const [name, instant] of Object.entries({ enqueuedFrom, enqueuedBefore })) {
    if (instant === undefined || (instant instanceof Date && !Number.isNaN(instant.getTime()))) continue;
    throw new InvalidInputError(name, `is ${shown(instant)}`, "give a Date, or leave it out");
  }
  checkState(state);
  if (type !== undefined) checkType(type);
  if (ready !== undefined && typeof ready !== "boolean") {
    throw new InvalidInputError("ready", `is ${shown(ready)}`, "give true or false, or leave it out");
  }
  if (ready === true && state !== "pending") {
    throw new InvalidInputError("ready", `is true for ${state} tasks`, 'ask for it with state: "pending"');
  }
  if (cursor !== undefined && (typeof cursor !== "string" || cursor === "")) {
    throw new InvalidInputError(
      "cursor",
      `is ${shown(cursor)}`,
      "pass a page's nextCursor, or leave it out for the first page",
    );
  }
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > LARGEST_LIMIT) {
    throw new InvalidInputError(
      "limit",
      `is ${shown(limit)}`,
      `give a whole number from 1 to ${LARGEST_LIMIT}`,
    );
  }
  if (order !== "ascending" && order !== "descending") {
    throw new InvalidInputError("order", `is ${shown(order)}`, 'use "ascending" or "descending"');
  }
  return { state, type, ready, enqueuedFrom, enqueuedBefore, cursor, limit, order };
}
