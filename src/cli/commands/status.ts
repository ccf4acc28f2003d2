/** `owed status`: counts, age, processes, and what is wrong. */
import { StoreUnavailableError } from "../../errors.ts";
import type { RegisteredProcess, StoreFinding, StoreStatistics } from "../../store/contract.ts";
import { shownDuration, shownInstant } from "../../story/durations.ts";
import { counted, namesOf, standingFindings } from "../../story/process-findings.ts";
import { isSilent } from "../../story/verdict.ts";
import type { Command, Invocation } from "../command.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { explained } from "../failure.ts";
import { pause, unlessInterrupted } from "../interruption.ts";
import { processShape } from "../json-shapes.ts";
import type { OpenedDatabase } from "../opened-database.ts";
import type { Cell, Printer } from "../printer.ts";

/** Processes that are shown to people. */
const MOST_PROCESSES = 20;

interface Standing {
  readonly now: Date;
  readonly statistics: StoreStatistics;
  readonly processes: readonly RegisteredProcess[];
  readonly warnings: readonly StoreFinding[];
}

/** The command. */
export const status: Command = {
  name: "status",
  summary: "show counts, the oldest due task, processes, and what is wrong",
  operand: "",
  options: {
    watch: { type: "boolean", short: "w", says: "show it again and again, until Ctrl-C" },
    interval: { type: "string", value: "TIME", says: "how often, with --watch (default 2s)" },
  },
  endsItself: true,
  async run(invocation) {
    const intervalMs = invocation.arguments.duration("interval", 2_000);
    const database = await invocation.open();
    if (!invocation.arguments.flag("watch")) {
      show(invocation.printer, database, await unlessInterrupted(invocation.terminal, standingOf(database)));
      return exitCodes.done;
    }
    return await watch(invocation, database, Math.max(intervalMs, 200));
  },
};

/** Shows it until Ctrl-C, which is how it is meant to end. */
async function watch(
  { printer, terminal }: Invocation,
  database: OpenedDatabase,
  intervalMs: number,
): Promise<ExitCode> {
  for (let isFirst = true; !terminal.interrupted.aborted; isFirst = false) {
    const standing = await unlessInterrupted(terminal, standingOf(database)).catch(unreachable);
    if (standing === null) break;
    printer.frame(isFirst, () => {
      if (standing instanceof StoreUnavailableError) tell(printer, standing);
      else show(printer, database, standing);
    });
    await pause(terminal, intervalMs);
  }
  if (terminal.isInteractive) printer.line(); // behind the ^C that the terminal wrote
  return exitCodes.done;
}

/** Whoever watches through an outage wants to see its end; null when they have seen enough. */
function unreachable(error: unknown): StoreUnavailableError | null {
  if (error instanceof StoreUnavailableError) return error;
  if (error instanceof Error && error.name === "AbortError") return null;
  throw error;
}

function tell(printer: Printer, error: StoreUnavailableError): void {
  const { code, message, remedy } = explained(error);
  printer.json({ error: { code, message, remedy } });
  printer.paragraph("! ", `${message}; trying again`, "red");
  if (remedy !== null) printer.remedy("  ", remedy);
}

async function standingOf({ store }: OpenedDatabase): Promise<Standing> {
  const [statistics, processes, { now, findings }] = await Promise.all([
    store.statistics(),
    store.processes(),
    store.examine(),
  ]);
  const grave = findings.filter(({ severity }) => severity === "error");
  return { now, statistics, processes, warnings: [...standingFindings(statistics, processes), ...grave] };
}

function show(printer: Printer, { described }: OpenedDatabase, standing: Standing): void {
  const { now, statistics, processes, warnings } = standing;
  printer.json({
    now: now.toISOString(),
    ...statistics,
    processes: processes.map((process) => ({ ...processShape(process), silent: isSilent(process) })),
    warnings,
  });
  printer.line(`${described}, ${shownInstant(now)}`, "dim");
  printer.line();
  const count = (number: number): string => counted(number, statistics.countedUpTo);
  const { oldestDueAgeMs } = statistics;
  const due = oldestDueAgeMs === null ? "none is due" : `the oldest due for ${shownDuration(oldestDueAgeMs)}`;
  printer.table({
    head: ["TASKS", "COUNT", ""],
    numbers: [1],
    rows: [
      ["pending", count(statistics.pending), due],
      ["failed", { text: count(statistics.failed), style: statistics.failed > 0 ? "red" : "dim" }, ""],
      ["cancelled", count(statistics.cancelled), ""],
      ["confirmed", grouped(statistics.confirmed), "and kept for their retention"],
    ],
  });
  printer.line();
  if (processes.length === 0) printer.line("no process is registered", "yellow");
  else showProcesses(printer, processes);
  printer.line();
  if (warnings.length === 0) printer.line("nothing is wrong", "green");
  for (const { problem, remedy } of warnings) {
    printer.paragraph("! ", problem, "yellow");
    printer.remedy("  ", remedy);
  }
}

function showProcesses(printer: Printer, processes: readonly RegisteredProcess[]): void {
  printer.table({
    head: ["HOST", "PID", "HEARTBEAT", "SLOTS", "TYPES"],
    numbers: [1, 3],
    rows: processes.slice(0, MOST_PROCESSES).map((process): Cell[] => {
      const { host, pid, silentForMs, slots, types } = process;
      const heartbeat = `${shownDuration(silentForMs)} ago`;
      return [
        host,
        String(pid),
        isSilent(process) ? { text: `${heartbeat}!`, style: "red" } : heartbeat,
        String(slots),
        types === "all" ? "all" : namesOf(types),
      ];
    }),
  });
  const more = processes.length - MOST_PROCESSES;
  if (more > 0) printer.line(`and ${more} more; --json lists all`);
}

function grouped(number: number): string {
  return number.toLocaleString("en-US");
}
