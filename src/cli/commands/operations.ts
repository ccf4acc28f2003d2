/** `owed redrive` and `owed cancel`: for one task by its id, or for many by what they have in common. */
import { TaskNotFoundError, TaskStateError } from "../../errors.ts";
import { withId } from "../../story/shell-word.ts";
import { verdictOf } from "../../story/verdict.ts";
import { checkTaskId } from "../../task/identifier.ts";
import type { TaskState } from "../../task/task.ts";
import { actingPerson, recordOptions } from "../acting-person.ts";
import { type BulkAction, runBulk } from "../bulk.ts";
import type { Command, Invocation } from "../command.ts";
import { confirmingOptions } from "../confirmation.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import type { OpenedDatabase } from "../opened-database.ts";
import { selectingOptions } from "../selection.ts";
import { UsageError } from "../usage-error.ts";

const redriving: BulkAction = {
  command: "redrive",
  participle: "redriven",
  states: ["failed", "cancelled"],
  act: ({ scheduler }, taskId, by) => outcomeOf(scheduler.redrive(taskId, { by })),
};

const cancelling: BulkAction = {
  command: "cancel",
  participle: "cancelled",
  states: ["pending"],
  act: ({ scheduler }, taskId, by) => outcomeOf(scheduler.cancel(taskId, { by })),
};

const all = { type: "boolean", says: "all tasks of that state" } as const;

/** `owed redrive`. */
export const redrive: Command = {
  name: "redrive",
  summary: "run failed or cancelled tasks again",
  operand: "[ID]",
  options: {
    state: {
      type: "string",
      value: "STATE",
      says: "failed (default) or cancelled",
      values: redriving.states,
    },
    ...selectingOptions,
    all,
    ...recordOptions,
    ...confirmingOptions,
  },
  details: [
    "One task by its ID is redriven at once. Many are shown first, and redriven after a yes.",
    "Each starts a new generation with all its attempts ahead. Tasks that fail again",
    "meanwhile are left alone, so that running the same command again ends.",
  ],
  endsItself: true,
  run: (invocation) => run(invocation, redriving),
};

/** `owed cancel`. */
export const cancel: Command = {
  name: "cancel",
  summary: "cancel pending tasks: they do not run any more",
  operand: "[ID]",
  options: { ...selectingOptions, all, ...recordOptions, ...confirmingOptions },
  details: [
    "One task by its ID is cancelled at once. Many are shown first, and cancelled after a yes.",
    "An attempt under way goes on to its end, but changes nothing. A cancelled task can be",
    "redriven.",
  ],
  endsItself: true,
  run: (invocation) => run(invocation, cancelling),
};

async function run(invocation: Invocation, action: BulkAction): Promise<ExitCode> {
  const { operand } = invocation.arguments;
  if (operand === null) return await runBulk(invocation, action);
  const { arguments: options } = invocation;
  if (options.flag("all") || ["type", "prefix", "reference"].some((name) => options.text(name) !== null)) {
    throw new UsageError("an ID and options that select many tasks are both given", "give one of them");
  }
  return await runOne(invocation, action, checkTaskId(operand));
}

async function runOne(invocation: Invocation, action: BulkAction, taskId: string): Promise<ExitCode> {
  const { printer, arguments: options } = invocation;
  const database = await invocation.open();
  if (options.flag("dry-run")) {
    const state = await stateOf(database, taskId);
    const isAllowed = action.states.includes(state);
    printer.json({ taskId, state, dryRun: true, allowed: isAllowed });
    printer.line(`${taskId} is ${state}: it ${isAllowed ? "would be" : "cannot be"} ${action.participle}`);
    return isAllowed ? exitCodes.done : exitCodes.refused;
  }
  const by = actingPerson(invocation);
  if (action === redriving) await database.scheduler.redrive(taskId, { by });
  else await database.scheduler.cancel(taskId, { by });
  const found = await database.store.get(taskId);
  const [processes, { now }] = await Promise.all([database.store.processes(), database.store.examine()]);
  const verdict = found === null ? null : verdictOf(found, { now, processes });
  printer.json({ taskId, done: true, state: found?.state ?? null, why: verdict?.why ?? null });
  printer.line(`${taskId} is ${action.participle}`, "green");
  if (action === redriving && verdict !== null) {
    printer.paragraph("  ", verdict.why);
    if (verdict.remedy !== null) printer.remedy("  ", withId(verdict.remedy, taskId));
  }
  return exitCodes.done;
}

async function stateOf({ store }: OpenedDatabase, taskId: string): Promise<TaskState> {
  const found = await store.get(taskId);
  if (found === null) throw new TaskNotFoundError(taskId);
  return found.state;
}

/** Many are done one by one, and what is in another state by now is left alone. */
async function outcomeOf(acting: Promise<void>): Promise<"done" | TaskState | "gone"> {
  try {
    await acting;
    return "done";
  } catch (error) {
    if (error instanceof TaskNotFoundError) return "gone";
    if (error instanceof TaskStateError) return error.state as TaskState; // the scheduler knows no other
    throw error;
  }
}
