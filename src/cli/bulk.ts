/** Does one thing to many tasks: shows first which, asks, goes page by page, and can be gone on with after an end of any kind. */
import type { ActingPerson } from "../run/operator-options.ts";
import type { Store } from "../store/contract.ts";
import type { Task, TaskState } from "../task/task.ts";
import { actingPerson } from "./acting-person.ts";
import type { Invocation } from "./command.ts";
import { isConfirmed } from "./confirmation.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import type { OpenedDatabase } from "./opened-database.ts";
import { Progress } from "./progress.ts";
import { readSelection, type Selection, selectedPages, selectionAsOptions } from "./selection.ts";
import { UsageError } from "./usage-error.ts";

/** Tasks that a preview counts at most. */
const COUNTED_UP_TO = 10_000;
const PAGE = 100;
/** Statements under way at once; the store has two connections. */
const AT_ONCE = 2;

/** What is done to each task. */
export interface BulkAction {
  readonly command: "redrive" | "cancel";
  /** "redriven". */
  readonly participle: string;
  /** State of the tasks, unless the options say another. */
  readonly states: readonly TaskState[];
  act(database: OpenedDatabase, taskId: string, by: ActingPerson): Promise<Outcome>;
}

/** What became of one task: done, or the state it is in meanwhile. */
export type Outcome = "done" | TaskState | "gone";

interface Preview {
  readonly matched: number;
  /** True when counting stopped, so that there may be more. */
  readonly isCut: boolean;
  readonly groups: ReadonlyMap<string, number>;
}

/** Runs an action on all tasks of a selection. */
export async function runBulk(invocation: Invocation, action: BulkAction): Promise<ExitCode> {
  const { arguments: options, printer } = invocation;
  const [usual = "failed"] = action.states;
  const asked = readSelection(options, options.choice("state", action.states) ?? usual);
  if (!options.flag("all") && asked.type === null && asked.prefix === null && asked.referenceId === null) {
    const which = "an ID, --type TYPE, --prefix TEXT, --reference ID or --all";
    throw new UsageError(`nothing says which tasks to ${action.command}`, `give ${which}`);
  }
  const database = await invocation.open();
  // Tasks that come into the state from now on are left alone: those that fail again, above all.
  const selection = { ...asked, before: asked.before ?? (await database.store.examine()).now };
  const preview = await previewOf(invocation, database.store, selection);
  showPreview(invocation, action, selection, preview);
  if (preview.matched === 0) return exitCodes.done;
  if (!(await isConfirmed(invocation))) {
    return options.flag("dry-run") ? exitCodes.done : exitCodes.notConfirmed;
  }
  const resume = printer.command(
    `owed ${action.command}${selectionAsOptions(selection)}${options.flag("all") ? " --all" : ""} --yes`,
  );
  if (preview.matched > PAGE) printer.aside(`if this ends early, go on with: ${resume}`);
  return await actOnAll(invocation, { action, database, selection, preview, resume });
}

async function previewOf(
  { printer, terminal }: Invocation,
  store: Store,
  selection: Selection,
): Promise<Preview> {
  const groups = new Map<string, number>();
  const progress = new Progress(printer, terminal, "looked at", null);
  let matched = 0;
  let read = 0;
  for await (const page of selectedPages(store, selection, { pageSize: 500 })) {
    terminal.interrupted.throwIfAborted();
    for (const task of page.tasks) {
      matched += 1;
      const group = groupOf(task);
      groups.set(group, (groups.get(group) ?? 0) + 1);
    }
    read += page.read;
    progress.show(read);
    if (matched >= COUNTED_UP_TO) break;
  }
  progress.end();
  return { matched, isCut: matched >= COUNTED_UP_TO, groups };
}

function groupOf({ type, state, failureReason, lastError }: Task): string {
  const reason = failureReason ?? state;
  return lastError === null ? `${type}\n${reason}` : `${type}\n${reason}: ${lastError.message.slice(0, 120)}`;
}

function showPreview(
  { printer, arguments: options }: Invocation,
  action: BulkAction,
  selection: Selection,
  { matched, isCut, groups }: Preview,
): void {
  const rows = [...groups].sort(([, left], [, right]) => right - left).slice(0, 20);
  printer.json({
    preview: { command: action.command, matched, isCut, before: selection.before?.toISOString() ?? null },
    dryRun: options.flag("dry-run"),
    groups: rows.map(([group, count]) => {
      const [type, reason] = group.split("\n");
      return { type, reason, count };
    }),
  });
  const count = `${matched.toLocaleString("en-US")}${isCut ? " or more" : ""}`;
  if (matched === 0) {
    printer.line(`no ${selection.state} task matches`);
    return;
  }
  const noun = matched === 1 ? "task" : "tasks";
  const verb = options.flag("yes") && !options.flag("dry-run") ? "will" : "would";
  printer.line(`${verb} ${action.command} ${count} ${selection.state} ${noun}:`, "bold");
  printer.line();
  printer.table(
    {
      head: ["COUNT", "TYPE", "WHY"],
      numbers: [0],
      rows: rows.map(([group, number]) => [String(number), ...group.split("\n", 2)]),
    },
    "  ",
  );
  if (groups.size > rows.length) printer.line(`  and ${groups.size - rows.length} more kinds`);
  printer.line();
}

interface Work {
  readonly action: BulkAction;
  readonly database: OpenedDatabase;
  readonly selection: Selection;
  readonly preview: Preview;
  readonly resume: string;
}

async function actOnAll(invocation: Invocation, work: Work): Promise<ExitCode> {
  const { printer, terminal } = invocation;
  const { action, database, selection, preview, resume } = work;
  const progress = new Progress(printer, terminal, action.participle, preview.isCut ? null : preview.matched);
  const counts = new Map<Outcome, number>();
  const by = actingPerson(invocation);
  const done = (): number => counts.get("done") ?? 0;
  try {
    for await (const { tasks } of selectedPages(database.store, selection, { pageSize: PAGE })) {
      for (let from = 0; from < tasks.length && !terminal.interrupted.aborted; from += AT_ONCE) {
        await Promise.all(
          tasks.slice(from, from + AT_ONCE).map(async ({ taskId }) => {
            const outcome = await action.act(database, taskId, by);
            counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
            printer.json({ [action.command]: taskId, outcome });
          }),
        );
        progress.show(done());
        // A synchronous store never waits, and a signal is heard only between turns of the event loop.
        await new Promise<void>((resolve) => void terminal.ports.timers.after(0, resolve));
      }
      if (terminal.interrupted.aborted) break;
    }
  } catch (error) {
    progress.end();
    printer.aside(`${done()} ${action.participle} before this happened; go on with: ${resume}`);
    throw error;
  }
  progress.end();
  return summarise(invocation, work, counts);
}

function summarise(
  { printer, terminal }: Invocation,
  { action, resume }: Work,
  counts: ReadonlyMap<Outcome, number>,
): ExitCode {
  const done = counts.get("done") ?? 0;
  const left = [...counts].filter(([outcome]) => outcome !== "done");
  const isInterrupted = terminal.interrupted.aborted;
  printer.json({ done, left: Object.fromEntries(left), interrupted: isInterrupted });
  printer.line(`${done.toLocaleString("en-US")} ${action.participle}`, "green");
  for (const [outcome, count] of left) {
    printer.line(
      `${count} left alone: ${outcome === "gone" ? "gone" : `${outcome}, or without data,`} meanwhile`,
    );
  }
  if (isInterrupted) {
    printer.aside(`interrupted; go on with: ${resume}`);
    return exitCodes.interrupted;
  }
  return left.length === 0 ? exitCodes.done : exitCodes.refused;
}
