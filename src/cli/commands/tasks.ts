/** `owed tasks`: which tasks are in a state, and why. */

import { shownDuration } from "../../story/durations.ts";
import { isStuck } from "../../story/stuck-tasks.ts";
import { type Task, type TaskState, taskStates } from "../../task/task.ts";
import type { Command, Invocation } from "../command.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { taskShape } from "../json-shapes.ts";
import type { OpenedDatabase } from "../opened-database.ts";
import type { Cell } from "../printer.ts";
import {
  readSelection,
  type Selection,
  selectedPages,
  selectingOptions,
  selectionAsOptions,
} from "../selection.ts";
import { UsageError } from "../usage-error.ts";

/** Tasks that are read at most while few of them match. */
const READ_UP_TO = 200_000;

/** The command. */
export const tasks: Command = {
  name: "tasks",
  summary: "list tasks: failed ones, unless another state is asked for",
  operand: "",
  options: {
    state: { type: "string", short: "s", value: "STATE", says: taskStates.join(", "), values: taskStates },
    stuck: { type: "boolean", says: "pending tasks, due for a minute or more, that nobody is running" },
    ...selectingOptions,
    newest: { type: "boolean", says: "newest first; oldest first otherwise" },
    limit: {
      type: "string",
      short: "l",
      value: "COUNT",
      says: "how many to show (default 20, at most 10000)",
    },
    cursor: { type: "string", value: "CURSOR", says: "go on where the last list ended" },
  },
  async run(invocation) {
    const { arguments: options } = invocation;
    const onlyStuck = options.flag("stuck");
    const asked = options.choice("state", taskStates);
    if (onlyStuck && asked !== null && asked !== "pending") {
      throw new UsageError("--stuck is about pending tasks", "leave --state out");
    }
    const limit = options.count("limit", 20, 1, 10_000);
    const selection = readSelection(options, asked ?? (onlyStuck ? "pending" : "failed"));
    const isPlain = !onlyStuck && selection.prefix === null && selection.referenceId === null;
    const database = await invocation.open();
    if (isPlain && selection.before === null && limit <= 1_000) {
      return await onePage(invocation, database, selection, limit);
    }
    if (options.text("cursor") !== null) {
      throw new UsageError(
        "--cursor goes with --state and --type alone",
        "raise --limit instead, up to 10000",
      );
    }
    return await search(invocation, database, selection, limit);
  },
};

/** A page as the store gives it, with the cursor of the next. */
async function onePage(
  invocation: Invocation,
  { store }: OpenedDatabase,
  selection: Selection,
  limit: number,
): Promise<ExitCode> {
  const { arguments: options, printer } = invocation;
  const { state, type } = selection;
  const order = options.flag("newest") ? "descending" : "ascending";
  const cursor = options.text("cursor") ?? undefined;
  const page = await store.list({ state, type: type ?? undefined, limit, order, cursor });
  const { now } = await store.examine();
  show(invocation, state, page.tasks, now, page.nextCursor);
  if (page.nextCursor !== null) {
    const chosen = `${selectionAsOptions(selection)}${options.flag("newest") ? " --newest" : ""}`;
    const more = printer.command(`owed tasks${chosen}`);
    printer.line();
    printer.line(`more: ${more} --limit=${limit} --cursor=${page.nextCursor}`, "dim");
  }
  return exitCodes.done;
}

/** Reads page after page until enough match. */
async function search(
  invocation: Invocation,
  { store }: OpenedDatabase,
  selection: Selection,
  limit: number,
): Promise<ExitCode> {
  const { arguments: options, printer, terminal } = invocation;
  const order = options.flag("newest") ? "descending" : "ascending";
  if (order === "descending" && selection.prefix !== null) {
    throw new UsageError("--newest does not go with --prefix", "tasks of a prefix are listed by their ids");
  }
  const [{ now }, processes] = await Promise.all([store.examine(), store.processes()]);
  const found: Task[] = [];
  let read = 0;
  for await (const page of selectedPages(store, selection, { pageSize: 500, order })) {
    terminal.interrupted.throwIfAborted();
    found.push(...page.tasks.filter((task) => !options.flag("stuck") || isStuck(task, processes, now)));
    read += page.read;
    if (found.length > limit || read >= READ_UP_TO) break;
  }
  show(invocation, selection.state, found.slice(0, limit), now, null);
  if (found.length > limit) printer.line("there are more: raise --limit", "dim");
  else if (read >= READ_UP_TO) printer.line(`stopped after reading ${READ_UP_TO} tasks`, "yellow");
  return exitCodes.done;
}

function show(
  { printer }: Invocation,
  state: TaskState,
  list: readonly Task[],
  now: Date,
  nextCursor: string | null,
): void {
  printer.json({ state, tasks: list.map(taskShape), nextCursor });
  if (list.length === 0) {
    printer.line(`no ${state} task matches`);
    return;
  }
  printer.table({
    head: ["TASK", "TYPE", state === "pending" ? "DUE" : state.toUpperCase(), "TRIES", "LAST ERROR"],
    rows: list.map((task): Cell[] => [task.taskId, task.type, when(task, now), tries(task), why(task)]),
  });
}

function when({ nextAttemptAt, settledAt, createdAt }: Task, now: Date): string {
  const ms = (nextAttemptAt ?? settledAt ?? createdAt).getTime() - now.getTime();
  return ms > 0 ? `in ${shownDuration(ms)}` : `${shownDuration(-ms)} ago`;
}

function tries({ failedAttempts, lostAttempts }: Task): string {
  return lostAttempts === 0 ? String(failedAttempts) : `${failedAttempts} (${lostAttempts} lost)`;
}

function why({ failureReason, lastError, owner }: Task): string {
  const reason = failureReason === null || failureReason === "attempts-exhausted" ? "" : `${failureReason}: `;
  // Every error is an Error; the reason says more than the name that led to it.
  const name = lastError === null || lastError.name === "Error" || reason !== "" ? "" : `${lastError.name}: `;
  return `${owner === null ? "" : "held; "}${reason}${name}${lastError?.message ?? ""}`.replace(/[;:] $/, "");
}
