// Everything that is known without running the library: types, lint, format, and the house rules in test/tidy.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const program = (...path) => join(root, "node_modules", ...path);

/** @type {[name: string, script: string, options: string[]][]} */
const steps = [
  ["types", program("typescript", "bin", "tsc"), ["--noEmit"]],
  ["lint", program("oxlint", "bin", "oxlint"), ["--type-aware", "--deny-warnings"]],
  ["format", program("@biomejs", "biome", "bin", "biome"), ["check", "."]],
  ["tidy", program("vitest", "vitest.mjs"), ["run", "test/tidy", "--reporter=dot"]],
];

const failed = [];
for (const [name, script, options] of steps) {
  const { status } = spawnSync(process.execPath, [script, ...options], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, OWED_TEST_POSTGRES: "none" },
  });
  if (status !== 0) failed.push(name);
}

if (failed.length > 0) {
  console.error(`check: ${failed.join(", ")} failed`);
  process.exit(1);
}
console.log("check: types, lint, format and tidy are in order");
