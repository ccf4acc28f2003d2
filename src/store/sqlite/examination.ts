/** Looks at schema and health of the file, and says what to do about what it finds. */
import type { StoreExamination, StoreFinding } from "../contract.ts";
import type { Connection } from "./connection.ts";
import { freePages, indexesOf, pageSize, pagesOf } from "./examination-statements.ts";
import { migrations } from "./migrations.ts";
import { readSchemaVersion } from "./schema.ts";
import { fileFindings } from "./warnings.ts";

/** Free space that is worth a vacuum: this much, and half of the file. */
const BLOATED_BYTES = 64 * 1_024 * 1_024;

/** Examines an open file. */
export function examineFile(connection: Connection, file: string, nowMs: number): StoreExamination {
  const found = readSchemaVersion(connection);
  return {
    schemaVersion: { found, known: migrations.length },
    now: new Date(nowMs),
    findings: [
      ...fileFindings(connection, file),
      ...(found === migrations.length ? indexFindings(connection, file) : []),
      ...bloatFindings(connection, file),
    ],
  };
}

/** What is known of a file that is not there. */
export function examineMissingFile(nowMs: number): StoreExamination {
  return { schemaVersion: { found: 0, known: migrations.length }, now: new Date(nowMs), findings: [] };
}

/** The statements of the migrations that make an index, by its name. */
function expectedIndexes(): ReadonlyMap<string, string> {
  const statements = migrations.join("\n").match(/create (?:unique )?index \w+ on [^;]+/g) ?? [];
  return new Map(statements.map((statement) => [/index (\w+) on/.exec(statement)?.[1] ?? "", statement]));
}

function indexFindings(connection: Connection, file: string): StoreFinding[] {
  const standing = new Set(connection.all<{ readonly name: string }>(indexesOf).map(({ name }) => name));
  return [...expectedIndexes()]
    .filter(([name]) => !standing.has(name))
    .map(([name, statement]) => ({
      code: "index-missing",
      severity: "error",
      problem: `the index ${name} is missing: claims and lookups fail, or read whole tables`,
      remedy: `with sqlite3 ${file}: \`${statement.replaceAll(/\s+/g, " ")}\``,
    }));
}

function bloatFindings(connection: Connection, file: string): StoreFinding[] {
  const number = (sql: string): number => Number(Object.values(connection.first<object>(sql) ?? {})[0] ?? 0);
  const pages = number(pagesOf);
  const free = number(freePages);
  const freeBytes = free * number(pageSize);
  if (freeBytes < BLOATED_BYTES || free * 2 < pages) return [];
  return [
    {
      code: "bloat",
      severity: "warning",
      problem: `${Math.round(freeBytes / 1_048_576)} MB of ${file} are free space, more than half of it`,
      remedy: `while nobody writes, with sqlite3 ${file}: \`vacuum\`; it needs as much free disk space as the data has`,
    },
  ];
}
