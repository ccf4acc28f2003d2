// `node scripts/with-node.mjs 24 test -- test/sqlite`: runs an npm script on another Node, installed once into .runtimes/.
import { spawnSync } from "node:child_process";
import { delimiter } from "node:path";
import { fileURLToPath } from "node:url";
import { nodeFolder } from "./other-node.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const [major = "", script = "", ...options] = process.argv.slice(2);
if (!/^\d+$/.test(major) || script === "") {
  console.error("usage: node scripts/with-node.mjs <major version of Node> <npm script> [arguments]");
  process.exit(2);
}

const binaries = nodeFolder(major);

// The scripts call process.execPath, so it is enough that npm finds this node first.
const { status } = spawnSync("npm", ["run", script, ...options], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, PATH: `${binaries}${delimiter}${process.env.PATH}` },
});
process.exitCode = status ?? 1;
