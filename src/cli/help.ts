/** The help of the command line. */
import { commonOptions } from "./arguments.ts";
import type { Command, OptionDefinitions } from "./command.ts";

const WHERE = `Where the tasks are, in this order:
  --sqlite FILE, --url-file FILE, OWED_DATABASE_URL, DATABASE_URL, OWED_SQLITE_FILE,
  the PG* variables. A connection string is never an argument: ps would show it.

Exit codes:
  0 done   1 unexpected   2 usage   3 database unavailable   4 schema   5 no such task
  6 refused   7 findings   8 not confirmed   130 interrupted
`;

/** All commands. */
export function overview(commands: readonly Command[]): string {
  const lines = commands.map((command) => [usageOf(command), command.summary] as const);
  return `owed: the tasks your application owes

Usage: owed COMMAND [OPTIONS]

${aligned(lines)}
Every command takes --json, and owed COMMAND --help tells its options.

${WHERE}`;
}

/** One command. */
export function commandHelp(command: Command): string {
  const details = (command.details ?? []).map((line) => `${line}\n`).join("");
  const own = Object.keys(command.options).length === 0 ? "" : `Options:\n${optionLines(command.options)}\n`;
  return `owed ${usageOf(command)}: ${command.summary}
${details === "" ? "" : `\n${details}`}
${own}Options of every command:
${optionLines(commonOptions)}
${WHERE}`;
}

function usageOf({ name, operand }: Command): string {
  return operand === "" ? name : `${name} ${operand}`;
}

function optionLines(options: OptionDefinitions): string {
  return aligned(
    Object.entries(options).map(([name, { value, short, says }]) => {
      const letter = short === undefined ? "" : `, -${short}`;
      return [`--${name}${letter}${value === undefined ? "" : ` ${value}`}`, says] as const;
    }),
  );
}

function aligned(lines: readonly (readonly [string, string])[]): string {
  const width = Math.max(...lines.map(([left]) => left.length));
  return lines.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join("");
}
