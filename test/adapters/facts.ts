// What a run of the suite has seen of a library, noted for the matrix of docs/adapters.md when a file is asked for.
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";
import type { AdapterLacks } from "../../src/conformance/index.ts";

/** What of a library the matrix lists. */
export interface ListedLibrary {
  readonly name: string;
  /** Its npm package, whose installed version is listed; null when it is part of the runtime. */
  readonly package: string | null;
  readonly subpath: string;
  /** How the fast path learns of a commit. */
  readonly afterCommit: string;
  /** What in place of a transaction does not compile, and what only throws. */
  readonly refused: string;
  readonly lacks?: AdapterLacks;
}

/** Counts the laws of one run. */
export interface LawCount {
  registered: number;
  passed: number;
}

/** Notes the run once its laws are through. */
export function noteFacts(library: ListedLibrary, where: string, count: LawCount): void {
  const file = process.env["OWED_ADAPTER_FACTS"];
  if (file === undefined) return;
  afterAll(() => {
    const { name, subpath, afterCommit, refused, lacks = {} } = library;
    const facts = { name, subpath, afterCommit, refused, where, version: versionOf(library.package) };
    const counts = { passed: count.passed, laws: count.registered, lacks: Object.values(lacks) };
    appendFileSync(file, `${JSON.stringify({ ...facts, ...counts })}\n`);
  });
}

function versionOf(name: string | null): string {
  if (name === null) return `Node ${process.versions.node}`;
  for (const folder of ["../../node_modules", "../orms/node_modules"]) {
    const file = fileURLToPath(new URL(`${folder}/${name}/package.json`, import.meta.url));
    if (existsSync(file)) return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
  }
  return "";
}
