// Installs examples/ when it is not up to date, puts the built library in as npm would pack it, generates, checks types, builds.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isInstalled } from "./installation.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const examples = join(root, "examples");
const modules = join(examples, "node_modules");

function step(program, options, cwd, environment = {}) {
  const { status } = spawnSync(program, options, {
    cwd,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...environment },
  });
  if (status !== 0) process.exit(status ?? 1);
}

function packLibrary() {
  const folder = mkdtempSync(join(tmpdir(), "owed-packed-"));
  try {
    step("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder], root);
    const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"));
    const library = join(modules, "owed");
    rmSync(library, { recursive: true, force: true });
    mkdirSync(library);
    step("tar", ["-xzf", join(folder, tarball ?? ""), "--strip-components", "1", "-C", library], root);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// Without scripts: they would download engines of Prisma that nothing here needs, and compile a second better-sqlite3.
if (!isInstalled(examples)) step("npm", ["ci", "--ignore-scripts"], examples);
if (!isBuiltin("node:sqlite")) {
  const compiled = join("better-sqlite3", "build");
  cpSync(join(root, "node_modules", compiled), join(modules, compiled), { recursive: true });
}
packLibrary();

const shop = join(examples, "nextjs-prisma");
const prisma = join(modules, "prisma", "build", "index.js");
step(process.execPath, [prisma, "generate"], shop, { PRISMA_SCHEMA_ENGINE_BINARY: "/bin/true" });
const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
for (const name of ["express-pg", "fastify-drizzle", "hono-kysely", "nextjs-prisma", "cron-sqlite"])
  step(process.execPath, [compiler, "--noEmit", "-p", join(examples, name)], root);
step(process.execPath, [join(modules, "typescript", "bin", "tsc")], join(examples, "nestjs-typeorm"));
const next = join(modules, "next", "dist", "bin", "next");
step(process.execPath, [next, "build"], shop, { NEXT_TELEMETRY_DISABLED: "1" });
