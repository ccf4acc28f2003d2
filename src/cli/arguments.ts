/** Reads the arguments of a command. */
import { type ParseArgsConfig, parseArgs } from "node:util";
import { parseDuration } from "../story/durations.ts";
import { shellValue } from "../story/shell-word.ts";
import { nearestWord } from "../task/spelling.ts";
import type { Command, OptionDefinitions } from "./command.ts";
import { UsageError } from "./usage-error.ts";

/** Options that every command takes. */
export const commonOptions: OptionDefinitions = Object.freeze({
  sqlite: { type: "string", value: "FILE", says: "the tasks are in this SQLite file", values: "file" },
  "url-file": {
    type: "string",
    value: "FILE",
    says: "read the connection string of Postgres from this file",
    values: "file",
  },
  schema: { type: "string", value: "NAME", says: "schema of the tables in Postgres (default owed)" },
  pooler: { type: "boolean", says: "a transaction pooler stands before Postgres" },
  json: { type: "boolean", says: "answer in JSON, one document a line" },
  "no-color": { type: "boolean", says: "no colours; they are off anyhow when the output is no terminal" },
  help: { type: "boolean", short: "h", says: "show the help of the command" },
});

/** Those that say where the tasks are. */
const placingOptions = ["sqlite", "url-file", "schema", "pooler"] as const;

/** The arguments of one command, checked as they are asked for. */
export class Arguments {
  readonly #command: Command;
  readonly #values: Readonly<Record<string, string | boolean | undefined>>;
  readonly #operands: readonly string[];

  constructor(
    command: Command,
    values: Readonly<Record<string, string | boolean | undefined>>,
    operands: readonly string[],
  ) {
    this.#command = command;
    this.#values = values;
    this.#operands = operands;
  }

  /** What stands behind the command; null when nothing does. */
  get operand(): string | null {
    return this.#operands[0] ?? null;
  }

  /** The operand of a command that cannot do without. */
  requiredOperand(): string {
    if (this.operand !== null) return this.operand;
    const { name, operand } = this.#command;
    throw new UsageError(`${operand} is missing`, `write: owed ${name} ${operand}`);
  }

  /** The options that say where the tasks are, as they were given, to stand in a command that a person copies. */
  get place(): string {
    return placingOptions
      .map((option) => {
        const value = this.#values[option];
        if (value === true) return ` --${option}`;
        return typeof value === "string" ? ` --${option}=${shellValue(value)}` : "";
      })
      .join("");
  }

  /** True when the option is set. */
  flag(option: string): boolean {
    return this.#values[option] === true;
  }

  /** The text of an option; null when it is not set. */
  text(option: string): string | null {
    const value = this.#values[option];
    if (typeof value !== "string") return null;
    if (value === "") throw new UsageError(`--${option} is empty`, "give it a value, or leave it out");
    return value;
  }

  /** One of several words. */
  choice<Word extends string>(option: string, words: readonly Word[]): Word | null {
    const text = this.text(option);
    if (text === null) return null;
    const found = words.find((word) => word === text);
    if (found !== undefined) return found;
    const meant = nearestWord(text, words);
    const remedy =
      meant === null ? `use ${words.join(", ")}` : `did you mean ${meant}? It can be ${words.join(", ")}`;
    throw new UsageError(`--${option} cannot be "${text}"`, remedy);
  }

  /** A whole number from `least` to `most`. */
  count(option: string, fallback: number, least: number, most: number): number {
    const text = this.text(option);
    if (text === null) return fallback;
    const count = Number(text);
    if (/^\d+$/.test(text) && count >= least && count <= most) return count;
    throw new UsageError(`--${option} cannot be "${text}"`, `give a whole number from ${least} to ${most}`);
  }

  /** A length of time in milliseconds. */
  duration(option: string, fallbackMs: number): number {
    const text = this.text(option);
    const ms = text === null ? fallbackMs : parseDuration(text);
    if (ms !== null) return ms;
    throw new UsageError(
      `--${option} cannot be "${text}"`,
      'give a length of time: "90s", "15m", "12h", "30d"',
    );
  }

  /** An instant; null when it is not set. */
  instant(option: string): Date | null {
    const text = this.text(option);
    if (text === null) return null;
    const isWhole = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:?\d\d)$/.test(text);
    const instant = new Date(text);
    if (isWhole && !Number.isNaN(instant.getTime())) return instant;
    throw new UsageError(
      `--${option} cannot be "${text}"`,
      'give an instant with its time zone: "2026-11-24T03:12:00Z"',
    );
  }
}

/** Reads what stands behind the name of a command. Throws UsageError, which never repeats a connection string. */
export function readArguments(command: Command, texts: readonly string[]): Arguments {
  if (texts.some((text) => /\bpostgres(?:ql)?:\/\//i.test(text))) {
    throw new UsageError(
      "a connection string stands on the command line, where every user of this machine can read it (ps)",
      "put it into DATABASE_URL, or into a file that only you can read: --url-file FILE",
    );
  }
  const { values, positionals } = parsed({ ...commonOptions, ...command.options }, texts, command);
  const most = command.operand === "" ? 0 : 1;
  if (positionals.length > most) {
    throw new UsageError(
      `"${positionals[most]}" is one argument too many`,
      `write: owed ${[command.name, command.operand].join(" ").trim()}; put an id with spaces in quotes`,
    );
  }
  return new Arguments(command, values as Record<string, string | boolean | undefined>, positionals); // none is `multiple`
}

function parsed(
  definitions: OptionDefinitions,
  texts: readonly string[],
  command: Command,
): ReturnType<typeof parseArgs> {
  const options: NonNullable<ParseArgsConfig["options"]> = {};
  for (const [name, { type, short }] of Object.entries(definitions)) {
    options[name] = short === undefined ? { type } : { type, short };
  }
  try {
    return parseArgs({ args: [...texts], options, strict: true, allowPositionals: true });
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    if (typeof code !== "string" || !code.startsWith("ERR_PARSE_ARGS")) throw error;
    const problem = (error as Error).message.split(/[.\n]/, 1)[0] ?? "";
    const [, unknown] = /^Unknown option '--([^']+)'/.exec(problem) ?? [];
    const meant = unknown === undefined ? null : nearestWord(unknown, Object.keys(definitions));
    const help = `see owed ${command.name} --help; put an id that begins with a dash behind --`;
    throw new UsageError(
      problem.charAt(0).toLowerCase() + problem.slice(1),
      meant === null ? help : `did you mean --${meant}? Else ${help}`,
    );
  }
}
