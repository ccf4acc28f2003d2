// Another major version of Node: installed once from npm into .runtimes/, for scripts that need or are to be tried on it.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The folder with the program `node` of a major version; ends this process when it cannot be installed. */
export function nodeFolder(major) {
  const folder = join(root, ".runtimes", `node-${major}`);
  const binaries = join(folder, "node_modules", "node", "bin");
  if (existsSync(join(binaries, "node"))) return binaries;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), `${JSON.stringify({ private: true })}\n`);
  const installed = spawnSync("npm", ["install", "--no-audit", "--no-fund", `node@${major}`], {
    cwd: folder,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (installed.status !== 0) process.exit(installed.status ?? 1);
  return binaries;
}
