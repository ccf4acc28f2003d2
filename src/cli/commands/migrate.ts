/** `owed migrate`: brings the tables up to date, prints the SQL that would, or tells whether they are. */
import { migrationSql } from "../../store/postgres/migrations/index.ts";
import { sqliteMigrationSql } from "../../store/sqlite/migrations.ts";
import type { Command } from "../command.ts";
import { exitCodes } from "../exit-codes.ts";
import { locationKind } from "../location.ts";
import { UsageError } from "../usage-error.ts";

/** The command. */
export const migrate: Command = {
  name: "migrate",
  summary: "bring the tables up to date",
  operand: "",
  options: {
    sql: {
      type: "boolean",
      says: "print the SQL of an empty schema, for a database administrator; no database is asked",
    },
    check: { type: "boolean", says: "change nothing, and end with 4 unless the tables are up to date" },
  },
  async run(invocation) {
    const { arguments: options, printer, terminal } = invocation;
    if (options.flag("sql") && options.flag("check")) {
      throw new UsageError("--sql and --check are both given", "give one of them");
    }
    if (options.flag("sql")) {
      const isFile = locationKind(options, terminal.environment) === "sqlite";
      const schema = options.text("schema") ?? terminal.environment["OWED_SCHEMA"] ?? "owed";
      const sql = isFile ? sqliteMigrationSql() : migrationSql(schema);
      if (printer.isJson) printer.json({ sql });
      else printer.verbatim(sql);
      return exitCodes.done;
    }
    const { store, described } = await invocation.open({ needsSchema: false });
    const { found, known } = (await store.examine()).schemaVersion;
    const isCurrent = found === known;
    if (options.flag("check")) {
      printer.json({ found, known, current: isCurrent });
      printer.line(
        isCurrent
          ? `${described}: the tables are up to date (version ${known})`
          : `${described}: the tables have version ${found}, and this program works with version ${known}`,
        isCurrent ? "green" : "red",
      );
      if (found < known) printer.line("  what to do: owed migrate");
      if (found > known) printer.line('  what to do: upgrade the package "owed"');
      return isCurrent ? exitCodes.done : exitCodes.schema;
    }
    await store.migrate();
    printer.json({ from: found, to: known });
    const change = isCurrent
      ? `up to date already (version ${known})`
      : `brought from version ${found} to ${known}`;
    printer.line(`${described}: the tables are ${change}`, "green");
    return exitCodes.done;
  },
};
