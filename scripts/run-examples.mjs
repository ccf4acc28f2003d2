// `npm run examples`: builds the library, installs and builds the examples with it, and runs their tests, all of them.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const steps = [
  ["scripts/setup.mjs"],
  ["scripts/build.mjs"],
  ["scripts/prepare-examples.mjs"],
  ["node_modules/vitest/vitest.mjs", "run", "test/examples"],
];
for (const step of steps) {
  const { status } = spawnSync(process.execPath, step, {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, OWED_TEST_FULL: "1" },
  });
  if (status !== 0) process.exit(status ?? 1);
}
