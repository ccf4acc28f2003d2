/** What is wrong with who executes: nobody alive, silent processes, types without an executor. Shared by status and doctor. */
import type { RegisteredProcess, StoreFinding, StoreStatistics } from "../store/contract.ts";
import { shownDuration } from "./durations.ts";
import { shellValue } from "./shell-word.ts";
import { isSilent, STUCK_AFTER_MS } from "./verdict.ts";

/** Names of a list that are shown. */
const MOST_NAMES = 6;
/** Silent processes that are told one by one. */
const MOST_SILENT = 5;

/** What is wrong. */
export function processFindings(
  { pending, orphanedTypes }: StoreStatistics,
  processes: readonly RegisteredProcess[],
): StoreFinding[] {
  const silent = processes.filter(isSilent);
  const alive = processes.length - silent.length;
  const found: StoreFinding[] = [];
  const [orphan] = orphanedTypes;
  if (pending > 0 && alive === 0) {
    found.push({
      code: "no-process",
      severity: "error",
      problem: "tasks are pending and no process is alive: nothing is executed",
      remedy: "start the worker of the application, or: `owed work FILE`",
    });
  } else if (orphan !== undefined) {
    found.push({
      code: "orphaned-types",
      severity: "error",
      problem: `no live process executes ${namesOf(orphanedTypes)}`,
      remedy: `start a worker with an executor for it; see its tasks: \`owed tasks --state=pending --type=${shellValue(orphan)}\`; if they are never to run: \`owed cancel --type=${shellValue(orphan)} --dry-run\``,
    });
  }
  for (const { host, pid, silentForMs } of silent.slice(0, MOST_SILENT)) {
    found.push({
      code: "silent-process",
      severity: "error",
      problem: `pid ${pid} on ${host} has been silent for ${shownDuration(silentForMs)}, longer than its lease: it is dead, or cut off`,
      remedy:
        alive === 0
          ? "start another process: only the living can declare it dead and take its tasks over"
          : "look why it went; another process takes its tasks over after a lease of watching it",
    });
  }
  return found;
}

/** Some names, and how many more there are. */
export function namesOf(names: readonly string[]): string {
  const more = names.length - MOST_NAMES;
  const shown = names.slice(0, MOST_NAMES).join(", ");
  if (names.length === 0) return "none";
  return more > 0 ? `${shown} and ${more} more` : shown;
}

/** What is wrong with the tasks as a whole, with what to do in words of the command line. */
export function standingFindings(
  statistics: StoreStatistics,
  processes: readonly RegisteredProcess[],
): StoreFinding[] {
  const found = processFindings(statistics, processes);
  const { failed, oldestDueAgeMs } = statistics;
  const isServed = processes.some((process) => !isSilent(process));
  if (isServed && oldestDueAgeMs !== null && oldestDueAgeMs > STUCK_AFTER_MS) {
    found.push({
      code: "late",
      severity: "warning",
      problem: `the oldest due task has been due for ${shownDuration(oldestDueAgeMs)}`,
      remedy: "see which: `owed tasks --stuck`; it may run for long, wait for slots, or have no executor",
    });
  }
  if (failed > 0) {
    const count = counted(failed, statistics.countedUpTo);
    found.push({
      code: "failed-tasks",
      severity: "warning",
      problem: `${failed === 1 ? "1 task has" : `${count} tasks have`} failed for good`,
      remedy: "see why: `owed tasks --state failed`; run them again: `owed redrive --all --dry-run`",
    });
  }
  return found;
}

/** A count that may have been cut short: "10,000+". */
export function counted(number: number, upTo: number): string {
  return number >= upTo ? `${upTo.toLocaleString("en-US")}+` : number.toLocaleString("en-US");
}
