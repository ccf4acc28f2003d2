/** `owed task ID`: the whole story of one task. */

import { TaskNotFoundError } from "../../errors.ts";
import type { Act, RegisteredProcess } from "../../store/contract.ts";
import { shownDuration, shownInstant, shownInstantFrom } from "../../story/durations.ts";
import { withId } from "../../story/shell-word.ts";
import { actWords, storyOf } from "../../story/task-story.ts";
import { executes, isSilent, processName, type Verdict, verdictOf } from "../../story/verdict.ts";
import { checkTaskId } from "../../task/identifier.ts";
import type { Attempt, TaskWithAttempts } from "../../task/task.ts";
import type { Command, Invocation } from "../command.ts";
import { exitCodes } from "../exit-codes.ts";
import { actShape, attemptShape, processShape, taskShape } from "../json-shapes.ts";
import type { Cell, Printer, Style } from "../printer.ts";
import { cut, safeLines } from "../safe-text.ts";

/** Data that is shown with --data. */
const LONGEST_DATA = 16_384;
/** What people did that is told, the newest. */
const MOST_ACTS = 1_000;
/** Of a message; --stack shows all of it. */
const LONGEST_MESSAGE = 400;

/** The command. */
export const task: Command = {
  name: "task",
  summary: "tell the whole story of one task",
  operand: "ID",
  options: {
    data: { type: "boolean", says: "show its data as well, which may hold what is confidential" },
    stack: { type: "boolean", says: "show the stacks of the errors" },
  },
  async run(invocation) {
    const { arguments: options, printer } = invocation;
    const taskId = checkTaskId(options.requiredOperand());
    const { store } = await invocation.open();
    const [found, processes, { now }, { acts }] = await Promise.all([
      store.get(taskId),
      store.processes(),
      store.examine(),
      store.acts({ taskId, limit: MOST_ACTS }),
    ]);
    if (found === null) throw new TaskNotFoundError(taskId);
    const verdict = verdictOf(found, { now, processes });
    const holder = processes.find(({ owner }) => owner === found.owner) ?? null;
    printer.json({
      task: taskShape(found),
      ...verdict,
      holder: holder === null ? null : processShape(holder),
      attempts: found.attempts.map(attemptShape),
      acts: acts.map(actShape),
      ...(options.flag("data") ? { data: shownData(found) } : {}),
    });
    show(invocation, { found, holder, processes, verdict, acts, now });
    return exitCodes.done;
  },
};

interface Shown {
  readonly found: TaskWithAttempts;
  readonly holder: RegisteredProcess | null;
  readonly processes: readonly RegisteredProcess[];
  readonly verdict: Verdict;
  readonly acts: readonly Act[];
  readonly now: Date;
}

function show({ printer, arguments: options }: Invocation, shown: Shown): void {
  const { found, verdict } = shown;
  printer.line(found.taskId, "bold");
  printer.line();
  const facts: [string, Cell][] = factsOf(shown);
  const width = Math.max(...facts.map(([name]) => name.length));
  for (const [name, value] of facts) {
    const text = typeof value === "string" ? value : value.text;
    printer.paragraph(`  ${name.padEnd(width)}  `, text);
  }
  printer.line();
  printer.paragraph("  ", verdict.why, "bold");
  if (verdict.remedy !== null) printer.remedy("  ", withId(verdict.remedy, found.taskId));
  if (verdict.again !== null) printer.paragraph("  run it again? ", verdict.again);
  printer.line();
  timeline(printer, shown, options.flag("stack"));
  if (options.flag("data")) {
    printer.line();
    printer.line("data");
    for (const line of safeLines(shownData(found) ?? "erased")) printer.line(`  ${line}`);
  }
}

function factsOf({ found, holder, processes, now }: Shown): [string, Cell][] {
  const { type, state, referenceId, failedAttempts, lostAttempts, deferredAttempts, generation } = found;
  const able = processes.filter((process) => executes(process, type) && !isSilent(process)).length;
  const facts: [string, Cell][] = [
    ["type", type],
    ["state", state + (found.failureReason === null ? "" : ` (${found.failureReason})`)],
  ];
  if (referenceId !== null) facts.push(["reference", referenceId]);
  facts.push(["enqueued", shownInstantFrom(found.createdAt, now)]);
  if (found.nextAttemptAt !== null) facts.push(["due", shownInstantFrom(found.nextAttemptAt, now)]);
  if (found.settledAt !== null) facts.push([state, shownInstantFrom(found.settledAt, now)]);
  facts.push(["attempts", `${failedAttempts} failed, ${lostAttempts} lost, ${deferredAttempts} deferred`]);
  if (generation > 1) facts.push(["generation", `${generation} (redriven ${generation - 1} times)`]);
  if (state === "pending") {
    facts.push(["held by", holder === null ? goneHolder(found.owner) : processName(holder)]);
    facts.push(["executed by", able === 1 ? "1 live process" : `${able} live processes`]);
  }
  facts.push(["data", found.data === null ? "erased" : `${found.data.byteLength} bytes (${found.codec})`]);
  return facts;
}

function goneHolder(owner: string | null): string {
  return owner === null ? "nobody" : `process ${owner}, which is gone`;
}

function timeline(printer: Printer, { found, acts }: Shown, withStacks: boolean): void {
  const event = (instant: Date, text: string, style?: Style): void =>
    printer.paragraph(`${shownInstant(instant)}  `, text, style);
  for (const told of storyOf(found, acts)) {
    if (told.kind === "enqueued") event(told.at, "enqueued");
    else if (told.kind === "acted") event(told.act.at, actWords(told.act));
    else if (told.kind === "ended") event(told.at, told.state, told.state === "confirmed" ? "green" : "red");
    else if (told.kind === "redriven") {
      if (told.act !== null) event(told.act.at, actWords(told.act));
      printer.line(`${told.act === null ? "redriven, " : ""}generation ${told.generation}:`, "dim");
    } else if (told.kind === "attempt") {
      const { attempt } = told;
      event(attempt.recordedAt, attemptWords(attempt), attempt.outcome === "lost" ? "yellow" : undefined);
      errorLines(printer, attempt, withStacks);
    }
  }
}

const outcomeWords: Readonly<Record<Attempt["outcome"], string>> = {
  failed: "failed",
  deferred: "deferred, to come back later,",
  abandoned: "given back, since its process stopped,",
  lost: "lost: its process died or was cut off",
  "late-success": "succeeded late, when its claim was superseded,",
};

function attemptWords({ outcome, owner, claim, durationMs, accepted }: Attempt): string {
  const took = durationMs === null ? "" : ` after ${shownDuration(durationMs)}`;
  const refused = accepted ? "" : "; changed nothing, the claim was superseded";
  return `${outcomeWords[outcome]}${took} (process ${owner}, claim ${claim}${refused})`;
}

function errorLines(printer: Printer, { error }: Attempt, withStacks: boolean): void {
  if (error === null) return;
  const code = error.code === null ? "" : ` [${error.code}]`;
  const message = withStacks ? error.message : cut(error.message, LONGEST_MESSAGE);
  printer.paragraph("    ", `${error.name}${code}: ${message}`);
  if (withStacks) for (const line of safeLines(error.stack ?? "")) printer.line(`    ${line}`, "dim");
}

/** The data as text where it is text, else in base64; cut. */
function shownData({ data }: TaskWithAttempts): string | null {
  if (data === null) return null;
  const part = data.subarray(0, LONGEST_DATA);
  const more = data.byteLength > LONGEST_DATA ? ` … (${data.byteLength} bytes in all)` : "";
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(part) + more;
  } catch {
    return Buffer.from(part).toString("base64") + more;
  }
}
