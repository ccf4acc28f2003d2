/** What a command is. */
import type { Arguments } from "./arguments.ts";
import type { ExitCode } from "./exit-codes.ts";
import type { Location } from "./location.ts";
import type { OpenedDatabase } from "./opened-database.ts";
import type { Printer } from "./printer.ts";
import type { Terminal } from "./terminal.ts";

/** An option of a command. */
export interface OptionDefinition {
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** How the value is called in the help. */
  readonly value?: string;
  readonly says: string;
  /** What the value can be, where that is known; "file" is any path. */
  readonly values?: readonly string[] | "file";
}

/** Options by their names. */
export type OptionDefinitions = Readonly<Record<string, OptionDefinition>>;

/** What a command runs with. */
export interface Invocation {
  readonly arguments: Arguments;
  readonly terminal: Terminal;
  readonly printer: Printer;
  /** Where the tasks are, as options and environment say it; from then on nothing secret of it is written. */
  locate(): Location;
  /** Opens the database there; it is closed when the command has ended. */
  open(options?: OpenOptions): Promise<OpenedDatabase>;
}

/** How a command opens its database. */
export interface OpenOptions {
  /** Default true: the command ends with 4 unless the tables are of this version. */
  readonly needsSchema?: boolean;
  readonly statementTimeoutMs?: number;
  /** Default as options and environment say it. */
  readonly location?: Location;
}

/** A command. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  /** What stands behind the name: "", "ID", "[ID]". */
  readonly operand: string;
  /** What the operand can be, as for an option. */
  readonly operandValues?: readonly string[] | "file";
  readonly options: OptionDefinitions;
  /** Lines of further explanation. */
  readonly details?: readonly string[];
  /** True when it ends by itself once it is interrupted, and says how far it came; others are left where they stand. */
  readonly endsItself?: boolean;
  run(invocation: Invocation): Promise<ExitCode>;
}
