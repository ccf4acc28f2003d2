// Installs test/orms when it is not up to date, has Prisma make its client, and checks the types of what is there.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isInstalled } from "./installation.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "test", "orms");

function step(program, options, cwd, environment = {}) {
  const { status } = spawnSync(program, options, {
    cwd,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...environment },
  });
  if (status !== 0) process.exit(status ?? 1);
}

if (!isInstalled(folder)) step("npm", ["ci"], folder);
if (!existsSync(join(folder, "node_modules", ".prisma-client"))) {
  const cli = join(folder, "node_modules", "prisma", "build", "index.js");
  // It would download an engine that making a client does not need.
  const environment = { PRISMA_SCHEMA_ENGINE_BINARY: "/bin/true" };
  step(process.execPath, [cli, "generate", "--schema", "prisma/schema.prisma"], folder, environment);
}
const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
step(process.execPath, [compiler, "--noEmit", "-p", "test/orms"], root);
