// Counts what really happened in a vitest run and says it in one line: `N passed, N failed[, N skipped]`.
import { writeFileSync } from "node:fs";
import type { SerializedError } from "vitest";
import type { Reporter, TestModule, TestRunEndReason, TestSuite } from "vitest/node";

/** The counts of a run. */
export interface RunResult {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/**
 * Counts a finished run. A file that could not be loaded, a suite whose hook failed, an unhandled rejection and an
 * interruption are failures too, so that a run which ended badly never reads `0 failed`.
 */
export function countRun(
  testModules: readonly TestModule[],
  unhandledErrors: readonly SerializedError[],
  reason: TestRunEndReason,
): RunResult {
  let passed = 0;
  let skipped = 0;
  let failed = unhandledErrors.length;
  for (const testModule of testModules) {
    failed += testModule.errors().length > 0 ? 1 : 0;
    for (const suite of testModule.children.allSuites()) failed += hookFailed(suite) ? 1 : 0;
    for (const test of testModule.children.allTests()) {
      const { state } = test.result();
      if (state === "passed") passed += 1;
      else if (state === "skipped") skipped += 1;
      else failed += 1;
    }
  }
  if (reason !== "passed" && failed === 0) failed = 1;
  return { passed, failed, skipped };
}

function hookFailed(suite: TestSuite): boolean {
  return suite.errors().length > 0;
}

/** The line itself. */
export function closingLine({ passed, failed, skipped }: RunResult): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

/** Prints the line, or writes the counts to the file named by OWED_TEST_RESULT for whoever prints it later. */
export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(
    testModules: readonly TestModule[],
    unhandledErrors: readonly SerializedError[],
    reason: TestRunEndReason,
  ): void {
    const result = countRun(testModules, unhandledErrors, reason);
    const file = process.env["OWED_TEST_RESULT"];
    if (file === undefined) process.on("exit", () => console.log(closingLine(result)));
    else writeFileSync(file, JSON.stringify(result));
  }
}
