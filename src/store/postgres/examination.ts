/** Looks at schema, settings and health of the database, and says what to do about what it finds. */
import type { StoreCall, StoreExamination, StoreFinding } from "../contract.ts";
import { numberOf, textOf } from "./column.ts";
import type { OwnConnections, Row } from "./connections.ts";
import type { Names } from "./identifier.ts";
import { foundVersion } from "./migrate.ts";
import { knownVersion } from "./migrations/index.ts";
import { numberParameter } from "./parameters.ts";
import { setForServer, settingFindings } from "./setting-findings.ts";
import * as examine from "./statements/examine.ts";
import { durabilitySettings } from "./statements/schema.ts";

/** Dead rows that are too many in a table which no vacuum visited for an hour. */
const BLOATED_ROWS = 50_000;
/** A transaction that is open for longer keeps dead rows in every table. */
const LONG_TRANSACTION_SECONDS = 600;
const OLDEST_SERVER = 140_000;

/** What a database is examined with. */
export interface ExaminedDatabase {
  readonly own: OwnConnections;
  readonly names: Names;
  /** Not quoted. */
  readonly schema: string;
  /** True when the store was told of a pooler, so that nothing is pinned. */
  readonly pooler: boolean;
}

/** Examines. Rejects with StoreUnavailableError only. */
export async function examineDatabase(
  database: ExaminedDatabase,
  call: StoreCall,
): Promise<StoreExamination> {
  const { own, schema, names } = database;
  const [server = {}] = await own.rows(examine.examineServer, [numberParameter(call.now)]);
  const nowMs = numberOf(server, "now_ms");
  const [settings = {}] = await own.rows(durabilitySettings);
  const found = await foundVersion(own, schema, names);
  const health =
    found === 0
      ? []
      : [
          ...(found === knownVersion
            ? indexFindings(schema, await own.rows(examine.examineIndexes, [schema]))
            : []),
          ...tableFindings(schema, await own.rows(examine.examineTables, [schema, String(BLOATED_ROWS)])),
          ...snapshotFindings(await own.rows(examine.examineSnapshots, [String(LONG_TRANSACTION_SECONDS)])),
        ];
  return {
    schemaVersion: { found, known: knownVersion },
    now: new Date(nowMs),
    findings: [...settingFindings(settings), ...serverFindings(server, database.pooler), ...health],
  };
}

function serverFindings(server: Row, pooler: boolean): StoreFinding[] {
  const found: StoreFinding[] = [];
  if (numberOf(server, "version") < OLDEST_SERVER) {
    found.push({
      code: "old-server",
      severity: "error",
      problem: `this is Postgres ${textOf(server, "version_name")}, and 14 is the oldest that is supported`,
      remedy: "upgrade the server",
    });
  }
  if (server["autovacuum"] === "off") {
    found.push({
      code: "autovacuum-off",
      severity: "warning",
      problem: "autovacuum is off: tables that fill and empty all day grow without bound",
      remedy: setForServer("autovacuum = on"),
    });
  }
  if (!pooler && server["plan_cache_mode"] !== "force_generic_plan") {
    found.push({
      code: "pooler-drops-settings",
      severity: "warning",
      problem:
        "what the store pins when it connects did not arrive: a pooler in between drops it (ignore_startup_parameters)",
      remedy:
        "prepared statements break behind it: set `pooler: true` in postgresStore, and for this command: `export OWED_POOLER=1`",
    });
  }
  return found;
}

function inPsql(statement: string): string {
  return `in psql: \`${statement}\``;
}

function indexFindings(schema: string, rows: readonly Row[]): StoreFinding[] {
  const usable = new Map(rows.map((row) => [textOf(row, "name"), row["usable"] === "true"]));
  return [...examine.expectedIndexes].flatMap(([name, statement]): StoreFinding[] => {
    if (usable.get(name) === true) return [];
    const isThere = usable.has(name);
    return [
      {
        code: isThere ? "index-invalid" : "index-missing",
        severity: "error",
        problem: `the index ${name} ${isThere ? "is invalid" : "is missing"}: claims and lookups read whole tables, or stop at their time limit`,
        remedy: inPsql(
          isThere ? examine.reindexRemedy(schema, name) : examine.indexRemedy(schema, statement),
        ),
      },
    ];
  });
}

function tableFindings(schema: string, rows: readonly Row[]): StoreFinding[] {
  return rows.flatMap((row) => {
    const found: StoreFinding[] = [];
    const table = textOf(row, "name");
    if (row["unattended"] === "true") {
      found.push({
        code: "autovacuum-off",
        severity: "warning",
        problem: `autovacuum is off for the table ${table}: it grows without bound`,
        remedy: inPsql(examine.autovacuumRemedy(schema, table)),
      });
    }
    if (row["bloated"] === "true") {
      found.push({
        code: "bloat",
        severity: "warning",
        problem: `the table ${table} has ${textOf(row, "dead")} dead rows beside ${textOf(row, "live")} live ones, and no vacuum for an hour`,
        remedy: `${inPsql(examine.vacuumRemedy(schema, table))}; when it frees nothing, end the oldest transaction`,
      });
    }
    return found;
  });
}

function snapshotFindings(rows: readonly Row[]): StoreFinding[] {
  return rows.map((row) => ({
    code: "long-transaction",
    severity: "warning",
    problem: `${textOf(row, "holder")} has had a transaction open for ${textOf(row, "seconds")} s: dead rows cannot be freed, and tasks it enqueued cannot run`,
    remedy: `commit it or roll it back; when nobody needs it, ${inPsql(textOf(row, "ending"))}`,
  }));
}
