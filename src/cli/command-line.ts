/** The command line: finds the command, runs it, and turns what comes of it into an exit code. */
import { readFileSync } from "node:fs";

import { nearestWord } from "../task/spelling.ts";
import { type Arguments, readArguments } from "./arguments.ts";
import type { Command, Invocation } from "./command.ts";
import { commands } from "./commands/index.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { explained } from "./failure.ts";
import { commandHelp, overview } from "./help.ts";
import { unlessInterrupted } from "./interruption.ts";
import { readLocation, secretsOf } from "./location.ts";
import { type OpenedDatabase, openDatabase } from "./opened-database.ts";
import { Printer } from "./printer.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";

/** Runs what the arguments say, and answers the exit code. Never rejects. */
export async function runCommandLine(argv: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const printer = new Printer(terminal, {
    json: argv.includes("--json"),
    colour: !argv.includes("--no-color"),
  });
  try {
    const [name, ...rest] = argv;
    if (name === undefined || name === "help" || name === "--help" || name === "-h") {
      return showHelp(printer, rest[0]);
    }
    if (name === "--version" || name === "-v") {
      printer.verbatim(`${packageVersion()}\n`);
      return exitCodes.done;
    }
    const command = commandOf(name);
    const options = readArguments(command, rest);
    if (options.flag("help")) {
      printer.verbatim(commandHelp(command));
      return exitCodes.done;
    }
    printer.remember(options.place);
    return await runCommand(command, options, terminal, printer);
  } catch (error) {
    return report(error, terminal, printer);
  }
}

async function runCommand(
  command: Command,
  options: Arguments,
  terminal: Terminal,
  printer: Printer,
): Promise<ExitCode> {
  const opened: OpenedDatabase[] = [];
  const invocation: Invocation = {
    arguments: options,
    terminal,
    printer,
    locate() {
      const location = readLocation(options, terminal.environment);
      printer.hide(secretsOf(location, terminal.environment));
      return location;
    },
    async open({ needsSchema = true, statementTimeoutMs, location = invocation.locate() } = {}) {
      const database = await openDatabase(location, statementTimeoutMs);
      opened.push(database);
      if (needsSchema) await unlessInterrupted(terminal, database.store.checkSchema());
      return database;
    },
  };
  try {
    const running = command.run(invocation);
    return await (command.endsItself === true ? running : unlessInterrupted(terminal, running));
  } finally {
    const closed = Promise.allSettled(opened.map(({ store }) => store.close()));
    // A database that does not answer must not hold back who wants to leave.
    if (!terminal.interrupted.aborted) await closed;
  }
}

function commandOf(name: string): Command {
  const command = commands.find((one) => one.name === name);
  if (command !== undefined) return command;
  const kind = name.startsWith("-") ? "option" : "command";
  const shown = /:\/\//.test(name) ? "" : ` "${name}"`;
  const names = commands.map((one) => one.name);
  const meant = nearestWord(name, names);
  throw new UsageError(
    `there is no ${kind}${shown}`,
    `${meant === null ? "" : `did you mean owed ${meant}? `}use ${names.join(", ")}; options stand behind the command`,
  );
}

function showHelp(printer: Printer, name: string | undefined): ExitCode {
  printer.verbatim(
    name === undefined || name.startsWith("-") ? overview(commands) : commandHelp(commandOf(name)),
  );
  return exitCodes.done;
}

function report(error: unknown, terminal: Terminal, printer: Printer): ExitCode {
  if (terminal.interrupted.aborted && error instanceof Error && error.name === "AbortError") {
    printer.aside("");
    return exitCodes.interrupted;
  }
  const { exitCode, code, message, remedy } = explained(error);
  printer.overwrite("");
  if (printer.isJson) printer.jsonAside({ error: { code, message, remedy, exitCode } });
  else {
    printer.aside(`owed: ${message}`);
    if (remedy !== null) printer.asideRemedy(remedy);
  }
  if (exitCode === exitCodes.unexpected && (terminal.environment["OWED_DEBUG"] ?? "") !== "") {
    for (const line of debugLines(error)) printer.aside(`  ${line}`); // the printer takes the secrets out
  }
  return exitCode;
}

function debugLines(error: unknown): string[] {
  return error instanceof Error ? (error.stack ?? "").split("\n") : [];
}

function packageVersion(): string {
  // Two folders up both from src/cli and from dist/cli.
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}
