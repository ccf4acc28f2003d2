/** Which of many tasks a command is about, and how they are read: page by page, in the order of the store. */
import type { Store } from "../store/contract.ts";
import { shellValue } from "../story/shell-word.ts";
import type { Task, TaskState } from "../task/task.ts";
import type { Arguments } from "./arguments.ts";
import type { OptionDefinitions } from "./command.ts";

/** Tasks by what they have in common. */
export interface Selection {
  readonly state: TaskState;
  readonly type: string | null;
  readonly prefix: string | null;
  readonly referenceId: string | null;
  /** Only tasks that came into this state (pending ones: that were enqueued) before. */
  readonly before: Date | null;
}

/** Options that select. */
export const selectingOptions: OptionDefinitions = Object.freeze({
  type: { type: "string", short: "t", value: "TYPE", says: "only tasks of this type" },
  prefix: { type: "string", value: "TEXT", says: "only tasks whose ids begin so" },
  reference: {
    type: "string",
    value: "ID",
    says: "only tasks of this referenceId (reads every task of the state)",
  },
  before: {
    type: "string",
    value: "INSTANT",
    says: "only tasks that were in that state before, as in 2026-11-24T03:12:00Z",
  },
});

/** Reads a selection. */
export function readSelection(options: Arguments, state: TaskState): Selection {
  return {
    state,
    type: options.text("type"),
    prefix: options.text("prefix"),
    referenceId: options.text("reference"),
    before: options.instant("before"),
  };
}

/** The selection as options, to be copied into a shell. */
export function selectionAsOptions(selection: Selection): string {
  const { state, type, prefix, referenceId, before } = selection;
  const option = (name: string, value: string | null): string =>
    value === null ? "" : ` --${name}=${shellValue(value)}`;
  return [
    ` --state=${state}`,
    option("type", type),
    option("prefix", prefix),
    option("reference", referenceId),
    option("before", before?.toISOString() ?? null),
  ].join("");
}

/** How a selection is read. */
export interface ReadingOptions {
  /** Tasks a page. */
  readonly pageSize: number;
  readonly order?: "ascending" | "descending";
}

/** The pages of a selection; one may hold no task that belongs to it. */
export async function* selectedPages(
  store: Store,
  selection: Selection,
  { pageSize, order = "ascending" }: ReadingOptions,
): AsyncGenerator<{ readonly tasks: readonly Task[]; readonly read: number }> {
  const { prefix, state, type } = selection;
  let cursor: string | undefined;
  do {
    const page =
      prefix === null
        ? await store.list({ state, limit: pageSize, order, cursor, type: type ?? undefined })
        : await store.listByTaskId({ prefix, limit: pageSize, cursor });
    yield { tasks: page.tasks.filter((task) => belongs(task, selection)), read: page.tasks.length };
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
}

function belongs(task: Task, { state, type, referenceId, before }: Selection): boolean {
  if (task.state !== state || (type !== null && task.type !== type)) return false;
  if (referenceId !== null && task.referenceId !== referenceId) return false;
  return before === null || (task.settledAt ?? task.createdAt) < before;
}
