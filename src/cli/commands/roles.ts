/** `owed roles`: prints the SQL of roles with least privilege. */
import { rolesSql } from "../../store/postgres/statements/roles.ts";
import type { Command } from "../command.ts";
import { exitCodes } from "../exit-codes.ts";
import { locationKind } from "../location.ts";
import { UsageError } from "../usage-error.ts";

/** The command. */
export const roles: Command = {
  name: "roles",
  summary: "print the SQL of roles with least privilege",
  operand: "",
  options: {
    prefix: {
      type: "string",
      value: "NAME",
      says: "how their names begin (default: the name of the schema)",
    },
  },
  details: [
    "Postgres only, and no database is asked. The roles end with _owner, _enqueuer, _worker and",
    "_dashboard. Run what is printed as an administrator, and again after each migration.",
  ],
  async run({ arguments: options, printer, terminal }) {
    if (locationKind(options, terminal.environment) === "sqlite") {
      throw new UsageError("a SQLite file has no roles", "leave --sqlite and OWED_SQLITE_FILE out");
    }
    const schema = options.text("schema") ?? terminal.environment["OWED_SCHEMA"] ?? "owed";
    const sql = rolesSql(schema, options.text("prefix") ?? schema);
    if (printer.isJson) printer.json({ sql });
    else printer.verbatim(sql);
    return exitCodes.done;
  },
};
