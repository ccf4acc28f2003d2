/** Which tasks a page is about: read from its address, and looked for in the store within bounds. */
import { type Task, type TaskState, taskStates } from "../task/task.ts";
import { badRequest } from "./refusal.ts";
import type { Visit } from "./visit.ts";

/** Tasks by what they have in common; null is anything. */
export interface TaskFilter {
  /** Null with `id` alone: the ids are in one order whatever the state. */
  readonly state: TaskState | null;
  readonly type: string | null;
  readonly reference: string | null;
  /** How the id begins. */
  readonly id: string | null;
  /** The last error, as `errorGroup` words it. */
  readonly error: string | null;
  /** What the name, the code or the message of the last error contains, in capitals or not. */
  readonly text: string | null;
  /** Between which instants it was enqueued. */
  readonly from: Date | null;
  readonly before: Date | null;
  readonly order: "newest" | "oldest";
}

/** A page of what was found. */
export interface FoundTasks {
  readonly tasks: readonly Task[];
  /** Where to go on; null when everything was looked at. */
  readonly cursor: string | null;
  /** How many tasks were looked at that the person may see. */
  readonly read: number;
}

/** How much one request looks at. */
export interface SearchBounds {
  /** Enough is found; a page more may come. */
  readonly enough: number;
  readonly cursor: string | null;
}

/** Tasks of a page, and of one read while searching. */
export const PAGE = 50;
const PAGE_OF_SEARCH = 200;
/** One request looks at no more tasks than these, no more bytes of data, and for no longer. */
const READ_UP_TO = 5_000;
const READ_BYTES = 32 * 1_024 * 1_024;
const READ_MS = 2_000;
/** Of an error's message, what tells it from others. */
const LONGEST_GROUP = 160;
/** Parts of an address that are longer name nothing that is kept. */
const LONGEST_TEXT = 2_048;

/** Reads a filter. Throws Refusal. */
export function readFilter(query: URLSearchParams): TaskFilter {
  const text = (name: string): string | null => {
    const value = query.get(name) ?? "";
    if (value.length > LONGEST_TEXT || value.includes("\0") || !value.isWellFormed()) {
      throw badRequest(`${name} cannot be looked for.`);
    }
    return value === "" ? null : value;
  };
  const id = text("id")?.trim() ?? null;
  const order = text("order") ?? "newest";
  if (order !== "newest" && order !== "oldest") throw badRequest("order is newest or oldest.");
  const asked = text("state") ?? (id === null ? "failed" : "any");
  const state = taskStates.find((one) => one === asked) ?? null;
  if (state === null && asked !== "any") throw badRequest(`state is ${taskStates.join(", ")} or any.`);
  if (state === null && id === null) throw badRequest("Tasks of any state are found by their ids alone.");
  return {
    state,
    type: text("type"),
    reference: text("reference")?.trim() ?? null,
    id,
    error: text("error"),
    text: text("text"),
    from: instantOf(text("from"), "from"),
    before: instantOf(text("until"), "until"),
    order,
  };
}

/** The filter as parts of an address. */
export function filterQuery(filter: TaskFilter): Record<string, string | null> {
  const { state, order, from, before, ...rest } = filter;
  return {
    ...rest,
    from: writtenInstant(from),
    until: writtenInstant(before),
    state: state ?? "any",
    order: order === "newest" ? null : order,
  };
}

/** An instant of an address, in UTC, as browsers write it: "2026-11-24T03:12", with seconds where they are not 0. */
function instantOf(text: string | null, name: string): Date | null {
  if (text === null) return null;
  const isWritten = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?$/.test(text);
  const instant = new Date(isWritten ? `${text}Z` : Number.NaN);
  if (Number.isNaN(instant.getTime())) throw badRequest(`${name} is no instant, as in 2026-11-24T03:12.`);
  return instant;
}

/** The same the other way. */
export function writtenInstant(instant: Date | null): string | null {
  return instant?.toISOString().replace(/(?::00)?\.000Z$|Z$/, "") ?? null;
}

/** The words by which failures are grouped: the reason, the error's name and the beginning of its message. */
export function errorGroup({ lastError, failureReason }: Task): string | null {
  if (lastError === null) return failureReason;
  const reason = failureReason === null || failureReason === "attempts-exhausted" ? "" : `${failureReason}: `;
  // Every error is an Error; the reason says more than the name that led to it.
  const name = lastError.name === "Error" || reason !== "" ? "" : `${lastError.name}: `;
  const message = lastError.message.toWellFormed().replace(/[\s\p{Cc}]+/gu, " ");
  return Array.from(`${reason}${name}${message}`).slice(0, LONGEST_GROUP).join("").trim();
}

/** True when a task is one of those meant. */
export function belongs(task: Task, filter: TaskFilter): boolean {
  const { state, type, reference, id, error, text, from, before } = filter;
  if (state !== null && task.state !== state) return false;
  if (type !== null && task.type !== type) return false;
  if (reference !== null && task.referenceId !== reference) return false;
  if (id !== null && !task.taskId.startsWith(id)) return false;
  if (from !== null && task.createdAt < from) return false;
  if (before !== null && task.createdAt >= before) return false;
  if (error !== null && errorGroup(task) !== error) return false;
  return text === null || errorText(task).includes(text.toLowerCase());
}

function errorText({ lastError, failureReason }: Task): string {
  const { name = "", code = "", message = "" } = lastError ?? {};
  return `${failureReason ?? ""}\n${name}\n${code ?? ""}\n${message}`.toLowerCase();
}

/** What fits every task of a state; what is asked for stands beside it. */
export const anything = Object.freeze({
  type: null,
  reference: null,
  id: null,
  error: null,
  text: null,
  from: null,
  before: null,
  order: "newest",
}) satisfies Omit<TaskFilter, "state">;

/** Where tasks are looked for, and for whom. */
export type Search = Pick<Visit, "store" | "ports" | "access">;

/** Reads page after page until enough are found that the person may see, everything was looked at, or the bounds are reached. */
export async function findTasks(
  { store, ports, access }: Search,
  filter: TaskFilter,
  { enough, cursor: start }: SearchBounds,
): Promise<FoundTasks> {
  const { state, type, id, reference, error, text } = filter;
  const isPlain =
    reference === null &&
    error === null &&
    text === null &&
    (id === null || (state === null && type === null && filter.from === null && filter.before === null));
  const limit = isPlain ? Math.min(enough, PAGE_OF_SEARCH) : PAGE_OF_SEARCH;
  const order = filter.order === "newest" ? "descending" : "ascending";
  const listed = {
    state: state ?? "failed",
    type: type ?? undefined,
    enqueuedFrom: filter.from ?? undefined,
    enqueuedBefore: filter.before ?? undefined,
  };
  const endsAtMs = ports.clock.monotonicMs() + READ_MS;
  const tasks: Task[] = [];
  let cursor = start;
  let read = 0;
  let walked = 0;
  let bytes = 0;
  do {
    const at = cursor ?? undefined;
    const page =
      id !== null
        ? await store.listByTaskId({ prefix: id, limit, cursor: at })
        : await store.list({ ...listed, limit, order, cursor: at });
    // How many there are that somebody may not see is not told either.
    const visible = await access.visible(page.tasks);
    tasks.push(...visible.filter((task) => belongs(task, filter)));
    read += visible.length;
    walked += page.tasks.length;
    bytes += page.tasks.reduce((sum, { data }) => sum + (data?.byteLength ?? 0), 0);
    cursor = page.nextCursor;
  } while (
    cursor !== null &&
    tasks.length < enough &&
    walked < READ_UP_TO &&
    bytes < READ_BYTES &&
    ports.clock.monotonicMs() < endsAtMs
  );
  return { tasks, cursor, read };
}
