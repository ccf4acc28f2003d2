/** `owed work FILE`: runs a worker with the executors of a file, until it is told to stop. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { Scheduler } from "../../run/scheduler.ts";
import type { BoundExecutor } from "../../task/executor.ts";
import type { Command, Invocation } from "../command.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { loggerOf } from "../printer-logger.ts";
import { UsageError } from "../usage-error.ts";

/** What the command needs of a scheduler; it may come from another copy of the package. */
type Working = Pick<Scheduler, "start" | "startWorker" | "stop">;

const REMEDY =
  "export const executors = [executor(definition, handler), ...], or export const scheduler = new Scheduler(...)";

/** The command. */
export const work: Command = {
  name: "work",
  summary: "run a worker with the executors of a file",
  operand: "FILE",
  operandValues: "file",
  options: {
    concurrency: { type: "string", value: "COUNT", says: "tasks that run at once (default 100)" },
    "poll-interval": {
      type: "string",
      value: "TIME",
      says: "longest time between two looks for work (default 1s)",
    },
    grace: { type: "string", value: "TIME", says: "how long a stop waits for what runs (default 30s)" },
    "no-migrate": { type: "boolean", says: "only check the tables at start" },
  },
  details: [
    "FILE is a module that exports `executors` (a list), or a whole `scheduler`, which then",
    "brings its own database. SIGINT or SIGTERM stop it: what runs has the grace to end, the",
    "rest is given back at no cost. A second signal cuts the grace short.",
  ],
  endsItself: true,
  run: runWorker,
};

async function runWorker(invocation: Invocation): Promise<ExitCode> {
  const { arguments: options, printer, terminal } = invocation;
  const concurrency = options.count("concurrency", 0, 1, 100_000) || undefined;
  const pollIntervalMs = options.duration("poll-interval", 0) || undefined;
  const graceMs = options.duration("grace", 30_000);
  const scheduler = await schedulerOf(invocation, await load(options.requiredOperand()));
  let stops = 0;
  const stopped = new Promise<void>((resolve, reject) => {
    const forget = terminal.onStop(() => {
      stops += 1;
      if (stops === 1)
        printer.aside(`stopping: waiting up to ${graceMs / 1_000} s for what runs; once more cuts it short`);
      scheduler.stop({ graceMs: stops === 1 ? graceMs : 0 }).then(() => {
        forget();
        resolve();
      }, reject);
    });
  });
  try {
    await scheduler.start();
    if (stops === 0) scheduler.startWorker({ concurrency, pollIntervalMs });
    printer.json({ working: true });
    printer.line("working; Ctrl-C stops", "green");
  } catch (error) {
    if (stops === 0) await scheduler.stop({ graceMs: 0 });
    if (stops === 0) throw error;
  }
  await stopped;
  printer.json({ working: false });
  printer.line("stopped; what was unfinished is given back");
  return exitCodes.done;
}

async function load(file: string): Promise<Readonly<Record<string, unknown>>> {
  const path = resolve(file);
  if (!existsSync(path))
    throw new UsageError(`there is no file ${file}`, "owed init writes one to start from");
  try {
    return (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    if (code !== "ERR_UNKNOWN_FILE_EXTENSION") throw error;
    throw new UsageError(
      `this Node cannot load ${file} as it is`,
      `compile it, or run: node --import tsx node_modules/.bin/owed work ${file}`,
    );
  }
}

async function schedulerOf(
  invocation: Invocation,
  module: Readonly<Record<string, unknown>>,
): Promise<Working> {
  const given = module["scheduler"] ?? module["default"];
  if (isScheduler(given)) return given;
  const executors = module["executors"] ?? given;
  if (!isExecutors(executors)) throw new UsageError("the file exports no executors and no scheduler", REMEDY);
  const { store } = await invocation.open({ needsSchema: false });
  return new Scheduler({
    store,
    executors,
    migrate: !invocation.arguments.flag("no-migrate"),
    logger: loggerOf(invocation.printer),
  }) as unknown as Working; // it is given no transaction here
}

function isScheduler(value: unknown): value is Working {
  if (typeof value !== "object" || value === null) return false;
  const { startWorker, start, stop } = value as Partial<Record<keyof Working, unknown>>;
  return [startWorker, start, stop].every((method) => typeof method === "function");
}

function isExecutors(value: unknown): value is readonly BoundExecutor[] {
  return Array.isArray(value) && value.length > 0 && value.every((one) => typeof one?.run === "function");
}
