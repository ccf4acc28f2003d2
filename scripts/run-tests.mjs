// `npm test`: set up, build, check, run every test, and say last how many passed and failed.
// Arguments are handed to vitest; `--full` runs the long tier as well (Postgres 14 too, and a part on 15 to 17).
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const full = process.argv.includes("--full");
const filters = process.argv.slice(2).filter((argument) => argument !== "--full");
const folder = mkdtempSync(join(tmpdir(), "owed-results-"));
const resultFile = join(folder, "result.json");

function run(script, options = []) {
  const { status } = spawnSync(process.execPath, [join(root, script), ...options], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    env: {
      ...process.env,
      OWED_TEST_RESULT: resultFile,
      ...(full ? { OWED_TEST_FULL: "1", OWED_TEST_POSTGRES_14: "1" } : {}),
    },
  });
  return status === 0;
}

/** What the reporter counted; a run that ended without a count is one failure. */
function counted() {
  try {
    return JSON.parse(readFileSync(resultFile, "utf8"));
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
}

// A step that fails before the tests counts as one failure; a failing check still lets the tests run.
const failedSteps = [];
const needsPostgres = full && process.env.OWED_TEST_POSTGRES !== "none";
if (!run("scripts/setup.mjs")) failedSteps.push("setup");
else if (needsPostgres && !run("scripts/other-postgres.mjs")) failedSteps.push("other versions of Postgres");
else if (!run("scripts/build.mjs")) failedSteps.push("build");
else if (full && !run("scripts/prepare-orms.mjs")) failedSteps.push("test/orms");
else if (full && !run("scripts/prepare-examples.mjs")) failedSteps.push("examples");
else {
  if (!run("scripts/check.mjs")) failedSteps.push("check");
  rmSync(resultFile, { force: true });
  const passed = run("node_modules/vitest/vitest.mjs", ["run", ...filters]);
  if (!passed && counted().failed === 0) failedSteps.push("vitest");
}

const result = counted();
rmSync(folder, { recursive: true, force: true });
const failed = result.failed + failedSteps.length;
if (failedSteps.length > 0) console.log(`failed before or beside the tests: ${failedSteps.join(", ")}`);
const skipped = result.skipped > 0 ? `, ${result.skipped} skipped` : "";
console.log(`${result.passed} passed, ${failed} failed${skipped}`);
process.exitCode = failed === 0 ? 0 : 1;
