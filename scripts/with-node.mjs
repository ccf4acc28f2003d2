// `node scripts/with-node.mjs 24 test -- test/sqlite`: runs an npm script on another Node, installed once into .runtimes/.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const [major = "", script = "", ...options] = process.argv.slice(2);
if (!/^\d+$/.test(major) || script === "") {
  console.error("usage: node scripts/with-node.mjs <major version of Node> <npm script> [arguments]");
  process.exit(2);
}

const folder = join(root, ".runtimes", `node-${major}`);
const binaries = join(folder, "node_modules", "node", "bin");
if (!existsSync(join(binaries, "node"))) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), `${JSON.stringify({ private: true })}\n`);
  const installed = spawnSync("npm", ["install", "--no-audit", "--no-fund", `node@${major}`], {
    cwd: folder,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (installed.status !== 0) process.exit(installed.status ?? 1);
}

// The scripts call process.execPath, so it is enough that npm finds this node first.
const { status } = spawnSync("npm", ["run", script, ...options], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, PATH: `${binaries}${delimiter}${process.env.PATH}` },
});
process.exitCode = status ?? 1;
