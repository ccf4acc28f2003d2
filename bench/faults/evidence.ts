// The evidence: one file per contestant, a line for each start and each end of an execution, written by no system under test.
import { openSync, readFileSync, writeSync } from "node:fs";

/** One execution of a task. */
export interface Execution {
  readonly task: string;
  readonly pid: number;
  readonly startMs: number;
  /** Null: it never came to its end. */
  readonly endMs: number | null;
}

/** Milliseconds on a clock that all processes of the machine share and nobody can set. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}

/** Writes the lines of one process. A line is one write to a file opened for appending, so lines never mix. */
export class EvidenceWriter {
  readonly #file: number;
  #executions = 0;

  constructor(file: string) {
    this.#file = openSync(file, "a");
  }

  /** Notes the start of an execution; answers what notes its end. */
  start(task: string): () => void {
    this.#executions += 1;
    const id = `${process.pid}-${this.#executions}`;
    const line = (what: "start" | "end"): void => {
      writeSync(this.#file, `${what} ${id} ${process.pid} ${monotonicMs()} ${task}\n`);
    };
    line("start");
    return () => line("end");
  }
}

/** All executions so far, by their start. */
export function readEvidence(file: string): Execution[] {
  const executions = new Map<string, Execution>();
  for (const line of readFileSync(file, "utf8").split("\n")) {
    const [what, id = "", pid, atMs, task = ""] = line.split(" ");
    if (what === "start") {
      executions.set(id, { task, pid: Number(pid), startMs: Number(atMs), endMs: null });
    }
    const begun = executions.get(id);
    if (what === "end" && begun !== undefined) executions.set(id, { ...begun, endMs: Number(atMs) });
  }
  return [...executions.values()].toSorted((one, other) => one.startMs - other.startMs);
}
