// `npm run demo`: set up, build, then the demo, with the arguments passed on.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

for (const step of [
  ["scripts/setup.mjs"],
  ["scripts/build.mjs"],
  ["--import", "tsx", "demo/main.ts", ...process.argv.slice(2)],
]) {
  const { status } = spawnSync(process.execPath, step, { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
