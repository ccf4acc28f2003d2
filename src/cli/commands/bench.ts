/** `owed bench`: how fast tasks are on the database of the user's, measured in a place that is thrown away. */

import type { Measurement } from "../bench/measurement.ts";
import { measure } from "../bench/measuring.ts";
import { newScratchPlace, type ScratchPlace, scratchPlaces } from "../bench/scratch-place.ts";
import type { Command, Invocation } from "../command.ts";
import { confirmingOptions, isConfirmed } from "../confirmation.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { unlessInterrupted } from "../interruption.ts";
import { describedLocation, type Location } from "../location.ts";

const DEFAULT_TASKS = 5_000;
const DEFAULT_CONCURRENCY = 100;

/** The command. */
export const bench: Command = {
  name: "bench",
  summary: "measure how fast tasks are on this database",
  operand: "",
  options: {
    tasks: { type: "string", value: "COUNT", says: `how many (default ${DEFAULT_TASKS}, 100 to 1000000)` },
    concurrency: {
      type: "string",
      value: "COUNT",
      says: `tasks that run at once (default ${DEFAULT_CONCURRENCY})`,
    },
    clean: { type: "boolean", says: "only remove what runs left that were killed" },
    ...confirmingOptions,
  },
  details: [
    "It makes a schema of its own (on SQLite a file beside yours), works in it alone, and removes",
    "it at the end, also after Ctrl-C: your tasks are neither read nor touched. While it runs, the",
    "database is as busy as one process can make it: do not do that where others wait for it.",
  ],
  endsItself: true,
  run: (invocation) => (invocation.arguments.flag("clean") ? clean(invocation) : run(invocation)),
};

async function run(invocation: Invocation): Promise<ExitCode> {
  const { arguments: options, printer, terminal } = invocation;
  const tasks = options.count("tasks", DEFAULT_TASKS, 100, 1_000_000);
  const concurrency = options.count("concurrency", DEFAULT_CONCURRENCY, 1, 10_000);
  const location = invocation.locate();
  const place = newScratchPlace(location, terminal.ports);
  printer.json({ plan: { tasks, concurrency, [place.kind]: place.name }, dryRun: options.flag("dry-run") });
  showPlan(invocation, location, place, tasks);
  if (!(await isConfirmed(invocation))) {
    return options.flag("dry-run") ? exitCodes.done : exitCodes.notConfirmed;
  }
  const plan = { place, tasks, concurrency };
  const { measurements, balance } = await during(invocation, place, () => measure(plan, terminal, printer));
  const { enqueued, confirmed } = balance;
  printer.json({ measurements, balance });
  showMeasurements(invocation, measurements);
  const isKept = enqueued === confirmed;
  const count = enqueued.toLocaleString("en-US");
  const end = isKept
    ? `${count} tasks were enqueued, and each of them is confirmed. The ${place.kind} ${place.name} is removed.`
    : `${count} tasks were enqueued, and ${confirmed} are confirmed: please report this.`;
  printer.paragraph("", end);
  return isKept ? exitCodes.done : exitCodes.unexpected;
}

function showPlan({ printer }: Invocation, location: Location, place: ScratchPlace, tasks: number): void {
  printer.line(describedLocation(location), "dim");
  printer.paragraph(
    "",
    `makes the ${place.kind} ${place.name}, enqueues and executes some ${tasks.toLocaleString("en-US")} tasks in it, which do nothing, and removes it. Nothing else is read or written, but the database is busy meanwhile.`,
  );
}

/** Removes the place however the work ends: Ctrl-C, and a terminal that is closed, end it like an error. */
async function during<Value>(
  { printer, terminal }: Invocation,
  place: ScratchPlace,
  work: () => Promise<Value>,
): Promise<Value> {
  const forget = terminal.onStop(() => {
    printer.overwrite("");
    printer.aside(`removing ${place.name}`);
  });
  let isMade = false;
  try {
    const store = await place.openStore();
    try {
      await unlessInterrupted(terminal, store.migrate());
    } finally {
      await store.close();
    }
    isMade = true;
    return await work();
  } finally {
    forget();
    await place.remove().catch((error: unknown) => {
      if (!isMade) return;
      printer.aside(`${place.name} is left; remove it with: ${printer.command("owed bench --clean")}`);
      throw error;
    });
  }
}

function showMeasurements({ printer }: Invocation, measurements: readonly Measurement[]): void {
  printer.line();
  printer.table({
    head: ["", "TASKS", "A SECOND", "P50", "P95", "P99"],
    numbers: [1, 2, 3, 4, 5],
    rows: measurements.map(({ what, tasks, perSecond, latencyMs }) => [
      what,
      tasks.toLocaleString("en-US"),
      perSecond === null ? "" : Math.round(perSecond).toLocaleString("en-US"),
      ...(latencyMs === null ? ["", "", ""] : [latencyMs.p50, latencyMs.p95, latencyMs.p99].map(shownTime)),
    ]),
  });
  printer.line();
}

/** What started before whoever enqueued went on from its commit took no time. */
function shownTime(ms: number): string {
  if (ms === 0) return "at once";
  return `${ms.toFixed(ms < 10 ? 2 : 0)} ms`;
}

/** Removes what killed runs left. */
async function clean(invocation: Invocation): Promise<ExitCode> {
  const { arguments: options, printer } = invocation;
  const location = invocation.locate();
  const places = await scratchPlaces(location);
  printer.json({ left: places.map(({ name }) => name), dryRun: options.flag("dry-run") });
  printer.line(describedLocation(location), "dim");
  if (places.length === 0) {
    printer.line("nothing is left of earlier runs");
    return exitCodes.done;
  }
  printer.line("would remove, with all that is in it, and so break a run that is under way:");
  for (const { kind, name } of places) printer.line(`  the ${kind} ${name}`);
  if (!(await isConfirmed(invocation))) {
    return options.flag("dry-run") ? exitCodes.done : exitCodes.notConfirmed;
  }
  for (const place of places) await place.remove();
  printer.json({ removed: places.length });
  printer.line(`${places.length} removed`, "green");
  return exitCodes.done;
}
