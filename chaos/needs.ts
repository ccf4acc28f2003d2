// What scenarios need of the machine: looked for, and installed where this process may do so.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { loadDriver } from "../src/store/sqlite/driver.ts";
import type { Need } from "./scenario.ts";

const libraries = "/usr/lib";

/** The library that fakes the clock of a process; null when it is not there. */
export function faketimeLibrary(): string | null {
  for (const folder of existsSync(libraries) ? readdirSync(libraries) : []) {
    const file = join(libraries, folder, "faketime", "libfaketime.so.1");
    if (existsSync(file)) return file;
  }
  return null;
}

/** The pooler; null when it is not there. */
export function pgbouncerProgram(): string | null {
  return ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].find((file) => existsSync(file)) ?? null;
}

const asked = new Map<string, string | null>();

/** Installs a package of Debian; answers why it could not. Each is asked for once. */
export function installed(name: string): string | null {
  const known = asked.get(name);
  if (known !== undefined) return known;
  const problem = install(name);
  asked.set(name, problem);
  return problem;
}

function install(name: string): string | null {
  if (process.getuid?.() !== 0) return `the package "${name}" is missing, and only root could install it`;
  for (const step of [["update"], ["install", "-y", "--no-install-recommends", name]]) {
    const { status, stderr, error } = spawnSync("apt-get", ["-q", ...step], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
      timeout: 180_000,
    });
    if (status !== 0) {
      const reason = error?.message ?? stderr.toString().trim().split("\n").at(-1) ?? "unknown";
      return `the package "${name}" could not be installed: ${reason}`;
    }
  }
  return null;
}

/** Why a need cannot be met here; null when all can. */
export function unmetNeed(needs: readonly Need[]): string | null {
  for (const need of needs) {
    const problem = problemWith(need);
    if (problem !== null) return problem;
  }
  return null;
}

function problemWith(need: Need): string | null {
  switch (need) {
    case "faketime":
      if (faketimeLibrary() !== null) return null;
      return installed("faketime") ?? (faketimeLibrary() === null ? "libfaketime was not found" : null);
    case "pgbouncer":
      if (pgbouncerProgram() !== null) return null;
      return installed("pgbouncer") ?? (pgbouncerProgram() === null ? "pgbouncer was not found" : null);
    case "mount":
      return process.getuid?.() === 0 ? null : "a small disk can be mounted by root only";
    case "sqlite":
      try {
        loadDriver(undefined);
        return null;
      } catch {
        return "no binding of SQLite is installed here";
      }
  }
}
