// The comparison under faults counts what the evidence says, and calls late what a system may still do.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { EvidenceWriter, type Execution, readEvidence } from "../../bench/faults/evidence.ts";
import { judge } from "../../bench/faults/verdict.ts";

const nobody = { pending: [], failed: [] };
const executed = (task: string, endMs: number | null = 2): Execution => ({ task, pid: 1, startMs: 1, endMs });

it("what was executed to its end once is in order", () => {
  const verdict = judge(["a"], [executed("a")], nobody);
  expect(verdict).toEqual({
    owed: 1,
    lost: 0,
    givenUp: 0,
    late: 0,
    completedAgain: 0,
    startedAgain: 0,
    unrecorded: 0,
  });
});

it("what never came to its end is lost, late or given up, by what the system still has of it", () => {
  const executions = [executed("lost", null), executed("late", null)];
  const standing = { pending: ["late"], failed: ["given up"] };
  const verdict = judge(["lost", "late", "given up"], executions, standing);
  expect(verdict).toMatchObject({
    owed: 3,
    lost: 1,
    late: 1,
    givenUp: 1,
    completedAgain: 0,
    startedAgain: 0,
  });
});

it("starts and ends are counted apart, and only those of tasks that are owed", () => {
  const executions = [executed("a", null), executed("a"), executed("b"), executed("b"), executed("c", null)];
  const verdict = judge(["a", "b"], executions, { pending: ["b"], failed: [] });
  expect(verdict).toMatchObject({ lost: 0, late: 0, completedAgain: 1, startedAgain: 2, unrecorded: 1 });
});

it("evidence is read as it was written, executions without an end included", () => {
  const folder = mkdtempSync(join(tmpdir(), "owed-evidence-"));
  try {
    const file = join(folder, "evidence");
    const writer = new EvidenceWriter(file);
    writer.start("a")();
    writer.start("b");
    const [first, second] = readEvidence(file);
    expect(first).toMatchObject({ task: "a", pid: process.pid });
    expect(first?.endMs).toBeGreaterThanOrEqual(first?.startMs ?? Number.POSITIVE_INFINITY);
    expect(second).toMatchObject({ task: "b", endMs: null });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
