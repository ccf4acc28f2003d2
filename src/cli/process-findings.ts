/** What is wrong with who executes: nobody alive, silent processes, types without an executor. Shared by status and doctor. */
import type { RegisteredProcess, StoreFinding, StoreStatistics } from "../store/contract.ts";
import { shownDuration } from "./durations.ts";
import { shellWord } from "./safe-text.ts";
import { isSilent } from "./story.ts";

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
      remedy: "start the worker of the application, or: owed work FILE",
    });
  } else if (orphan !== undefined) {
    found.push({
      code: "orphaned-types",
      severity: "error",
      problem: `no live process executes ${namesOf(orphanedTypes)}`,
      remedy: `deploy a worker with an executor for it; owed tasks --state pending --type=${shellWord(orphan)}`,
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
