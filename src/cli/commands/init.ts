/** `owed init`: writes a file to start from, and makes the tables. */
import { writeFileSync } from "node:fs";

import type { Command } from "../command.ts";
import { confirmingOptions } from "../confirmation.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { UsageError } from "../usage-error.ts";

const DEFAULT_FILE = "owed-worker.mjs";

/** The command. */
export const init: Command = {
  name: "init",
  summary: "write a file to start from, and make the tables",
  operand: "[FILE]",
  operandValues: "file",
  options: { "dry-run": confirmingOptions["dry-run"] ?? { type: "boolean", says: "" } },
  details: [`FILE is ${DEFAULT_FILE} unless given. A file that is there already is never overwritten.`],
  async run({ arguments: options, printer, ...invocation }) {
    const file = options.operand ?? DEFAULT_FILE;
    if (!/\.(?:mjs|js)$/.test(file))
      throw new UsageError(`"${file}" is no name of a module`, "let it end with .mjs");
    const { store, described } = await invocation.open({ needsSchema: false });
    const { found, known } = (await store.examine()).schemaVersion;
    if (options.flag("dry-run")) {
      printer.json({ file, tables: { from: found, to: known }, dryRun: true });
      printer.line(
        `would write ${file}, and bring the tables from version ${found} to ${known}: ${described}`,
      );
      return exitCodes.done;
    }
    const isWritten = write(file);
    await store.migrate();
    printer.json({ file, written: isWritten, tables: { from: found, to: known } });
    printer.line(`${described}: the tables have version ${known}`, "green");
    if (!isWritten) {
      printer.line(`${file} is there already and was left as it is`, "yellow");
      return refused();
    }
    printer.line(`${file} is written. It executes the type "greeting.send".`, "green");
    printer.line();
    printer.line(`  owed work ${file}      runs a worker`);
    printer.line(`  node ${file} enqueue   enqueues a task`);
    printer.line("  owed status                    shows what there is");
    return exitCodes.done;
  },
};

function refused(): ExitCode {
  return exitCodes.refused;
}

/** False when there is such a file. */
function write(file: string): boolean {
  try {
    writeFileSync(file, starter, { flag: "wx" });
    return true;
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    if (code === "EEXIST") return false;
    throw new UsageError(`${file} cannot be written (${String(code)})`, "look at the folder and its rights");
  }
}

const starter = `// Tasks of this application: what they are, and how they are executed.
import { pathToFileURL } from "node:url";
import { defineTask, executor, Scheduler } from "owed";

export const sendGreeting = defineTask({ type: "greeting.send" });

// At least once: an executor must be idempotent under taskId.
export const executors = [
  executor(sendGreeting, async ({ data, taskId, signal }) => {
    console.log("hello", data.name, "(" + taskId + ")", signal.aborted);
  }),
];

/** The store of the command line: Postgres by DATABASE_URL, else the SQLite file of OWED_SQLITE_FILE. */
async function openStore() {
  const url = process.env.OWED_DATABASE_URL ?? process.env.DATABASE_URL;
  if (url === undefined) {
    const { sqliteStore } = await import("owed/sqlite");
    return sqliteStore({ file: process.env.OWED_SQLITE_FILE });
  }
  const { postgresStore } = await import("owed/postgres");
  return postgresStore({ connectionString: url, schema: process.env.OWED_SCHEMA ?? "owed" });
}

// node FILE enqueue: a task in a transaction of its own. In your application, pass the transaction you already have.
if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href && process.argv[2] === "enqueue") {
  const scheduler = new Scheduler({ store: await openStore() });
  await scheduler.start();
  const { taskId } = await scheduler.enqueue(sendGreeting, { name: "world" });
  console.log("enqueued", taskId);
  await scheduler.stop();
}
`;
