/** Where the tasks are, as options and environment say it. */
import { readFileSync, statSync } from "node:fs";

import type { Arguments } from "./arguments.ts";
import { UsageError } from "./usage-error.ts";

/** A place where tasks are. */
export type Location =
  | { readonly kind: "sqlite"; readonly file: string }
  | {
      readonly kind: "postgres";
      /** Null: the PG* variables, as psql reads them. */
      readonly connectionString: string | null;
      readonly schema: string;
      readonly pooler: boolean;
    };

/** Passwords shorter than this are not looked for in what is written: they would be found in every other word. */
const SHORTEST_SECRET = 6;

type Environment = Readonly<Record<string, string | undefined>>;

/** Which kind of database is meant, as far as one can tell without reading anything. */
export function locationKind(options: Arguments, environment: Environment): Location["kind"] {
  const isFile = options.text("sqlite") !== null;
  if (isFile || options.text("url-file") !== null) return isFile ? "sqlite" : "postgres";
  const hasUrl = ["OWED_DATABASE_URL", "DATABASE_URL", "PGHOST"].some(
    (name) => (environment[name] ?? "") !== "",
  );
  return !hasUrl && (environment["OWED_SQLITE_FILE"] ?? "") !== "" ? "sqlite" : "postgres";
}

/** Reads where the tasks are. Throws UsageError, which never repeats a connection string. */
export function readLocation(options: Arguments, environment: Environment): Location {
  const file = options.text("sqlite");
  const urlFile = options.text("url-file");
  if (file !== null && urlFile !== null) {
    throw new UsageError("--sqlite and --url-file are both given", "give one of them");
  }
  if (file !== null) return { kind: "sqlite", file };
  if (urlFile !== null) return postgres(checkedUrl(readUrlFile(urlFile), urlFile), options, environment);
  for (const name of ["OWED_DATABASE_URL", "DATABASE_URL"]) {
    const url = environment[name]?.trim() ?? "";
    if (url !== "") return postgres(checkedUrl(url, name), options, environment);
  }
  const fileOfEnvironment = environment["OWED_SQLITE_FILE"] ?? "";
  if (fileOfEnvironment !== "") return { kind: "sqlite", file: fileOfEnvironment };
  if ((environment["PGHOST"] ?? "") !== "") return postgres(null, options, environment);
  throw new UsageError(
    "no database is named",
    "set DATABASE_URL to a connection string of Postgres, or give --url-file FILE, or --sqlite FILE",
  );
}

/** What of a location must never be written. */
export function secretsOf(location: Location, environment: Environment): string[] {
  if (location.kind === "sqlite") return [];
  const { connectionString } = location;
  const found = [connectionString, environment["PGPASSWORD"]];
  if (connectionString !== null) {
    found.push(/\/\/[^/@]*?:([^/]*)@/.exec(connectionString)?.[1]);
    try {
      const url = new URL(connectionString);
      found.push(decodeURIComponent(url.password), url.searchParams.get("password"));
    } catch {
      // A string that is no URL was refused before.
    }
  }
  const long = found.filter((secret) => (secret?.length ?? 0) >= SHORTEST_SECRET);
  return [...new Set(long)].filter((secret) => typeof secret === "string");
}

/** The place as people know it, without user and password. */
export function describedLocation(location: Location): string {
  if (location.kind === "sqlite") return `SQLite file ${location.file}`;
  const { connectionString, schema } = location;
  if (connectionString === null) return `Postgres of the PG* variables, schema ${schema}`;
  const url = new URL(connectionString);
  const database = decodeURIComponent(url.pathname.slice(1));
  const host = url.host === "" ? (url.searchParams.get("host") ?? "the default host") : url.host;
  return `Postgres ${database === "" ? "default database" : database} at ${host}, schema ${schema}`;
}

function postgres(connectionString: string | null, options: Arguments, environment: Environment): Location {
  return {
    kind: "postgres",
    connectionString,
    schema: options.text("schema") ?? environment["OWED_SCHEMA"] ?? "owed",
    pooler: options.flag("pooler") || environment["OWED_POOLER"] === "1",
  };
}

function readUrlFile(file: string): string {
  let text: string;
  try {
    if (process.platform !== "win32" && (statSync(file).mode & 0o004) !== 0) {
      throw new UsageError(
        `every user of this machine can read ${file}`,
        `run: chmod o-r ${file}; where that cannot be, hand it over as DATABASE_URL="$(cat ${file})"`,
      );
    }
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { code } = error as { readonly code?: unknown };
    throw new UsageError(
      `${file} cannot be read (${String(code)})`,
      "name a file that holds a connection string",
    );
  }
  return text.trim();
}

function checkedUrl(url: string, source: string): string {
  const remedy =
    "write it as postgres://user:password@host:5432/database, with special characters percent-encoded";
  if (!/^postgres(?:ql)?:\/\//i.test(url)) {
    throw new UsageError(`what ${source} holds is no connection string of Postgres`, remedy);
  }
  try {
    new URL(url);
    decodeURIComponent(url);
  } catch {
    throw new UsageError(`the connection string in ${source} cannot be read`, remedy);
  }
  return url;
}
