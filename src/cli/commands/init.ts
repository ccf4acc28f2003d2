/** `owed init`: writes a file to start from, and makes the tables. */
import { writeFileSync } from "node:fs";

import { shellValue, shellWord } from "../../story/shell-word.ts";
import type { Arguments } from "../arguments.ts";
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
    const word = shellWord(file);
    const steps = [
      [printer.command(`owed work ${word}`), "runs a worker"],
      [`${placeForNode(options)}node ${word} enqueue`, "enqueues a task"],
      [printer.command("owed status"), "shows what there is"],
    ] as const;
    const width = Math.max(...steps.map(([command]) => command.length));
    for (const [command, what] of steps) printer.line(`  ${command.padEnd(width)}   ${what}`);
    return exitCodes.done;
  },
};

/** Where the tasks are, as the file that was written reads it, where options said so and no variables. */
function placeForNode(options: Arguments): string {
  const file = options.text("sqlite");
  const urlFile = options.text("url-file");
  const schema = options.text("schema");
  return [
    file === null ? "" : `OWED_SQLITE_FILE=${shellValue(file)} `,
    urlFile === null ? "" : `DATABASE_URL="$(cat ${shellValue(urlFile)})" `,
    schema === null ? "" : `OWED_SCHEMA=${shellValue(schema)} `,
    options.flag("pooler") ? "OWED_POOLER=1 " : "",
  ].join("");
}

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

/** The store of the command line: Postgres by DATABASE_URL, else the file of OWED_SQLITE_FILE, else Postgres by PGHOST. */
async function openStore() {
  const { OWED_DATABASE_URL, DATABASE_URL, OWED_SQLITE_FILE, OWED_SCHEMA, OWED_POOLER } = process.env;
  const connectionString = OWED_DATABASE_URL || DATABASE_URL;
  if (!connectionString && OWED_SQLITE_FILE) {
    const { sqliteStore } = await import("owed/sqlite");
    return sqliteStore({ file: OWED_SQLITE_FILE });
  }
  const { postgresStore } = await import("owed/postgres");
  const place = connectionString ? { connectionString } : { connection: {} };
  return postgresStore({ ...place, schema: OWED_SCHEMA || "owed", pooler: OWED_POOLER === "1" });
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
