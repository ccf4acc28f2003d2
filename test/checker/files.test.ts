// A history survives the way to disk and back, and the command line says what it found.
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { check } from "../../checker/check.ts";
import {
  AUDIT_FILE,
  HistoryWriter,
  NEMESIS_FILE,
  processFile,
  readHistory,
  UnusableHistoryError,
  writeSettings,
} from "../../checker/files.ts";
import type { History } from "../../checker/history.ts";
import { randomRun } from "./random-run.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "owed-history-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write({ settings, processes, nemesis, audit }: History): void {
  writeSettings(folder, settings);
  for (const name of new Set(processes.map(({ process }) => process))) {
    using file = new HistoryWriter(join(folder, processFile(name)));
    for (const event of processes) if (event.process === name) file.write(event);
  }
  using ofNemesis = new HistoryWriter(join(folder, NEMESIS_FILE));
  for (const event of nemesis) ofNemesis.write(event);
  using ofAudit = new HistoryWriter(join(folder, AUDIT_FILE));
  for (const entry of audit) ofAudit.write(entry);
}

function commandLine(...options: readonly string[]): { readonly code: number; readonly text: string } {
  const script = join(root, "checker/main.ts");
  try {
    const text = execFileSync(process.execPath, ["--import", "tsx", script, ...options], {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
    return { code: 0, text };
  } catch (error) {
    const { status, stdout } = error as { readonly status: number; readonly stdout: string }; // execFileSync throws this
    return { code: status, text: stdout };
  }
}

const clean = randomRun({ seed: 3, forMs: 10_000 }).history();

it("a history is read as it was written, delays included", () => {
  write(clean);
  const read = readHistory(folder);
  expect(new Set(read.processes.map((event) => JSON.stringify(event)))).toEqual(
    new Set(clean.processes.map((event) => JSON.stringify(event))),
  );
  expect(read.audit).toEqual(clean.audit);
  expect(read.nemesis).toEqual(clean.nemesis);
  for (const failedAttempts of [1, 2, 3, 9]) {
    const delay = read.settings.types["mail"]?.smallestDelayMs(failedAttempts);
    expect(delay).toBe(clean.settings.types["mail"]?.smallestDelayMs(Math.min(failedAttempts, 3)));
  }
  expect(check(read).verdicts).toEqual(check(clean).verdicts);
});

it("a line that was cut off by a death is left out, at the end and before the next life", () => {
  write(clean);
  const path = join(folder, processFile("n0"));
  appendFileSync(path, '{"process":"n0","boot":');
  expect(readHistory(folder).processes).toHaveLength(clean.processes.length);
  using file = new HistoryWriter(path);
  file.write({ process: "n0", boot: 99, seq: 1, monotonicMs: 0, event: { kind: "stop.end" } });
  expect(readHistory(folder).processes).toHaveLength(clean.processes.length + 1);
});

it("a broken line in the middle of a life makes the history unusable", () => {
  write(clean);
  const path = join(folder, processFile("n0"));
  const [first, ...rest] = readFileSync(path, "utf8").split("\n");
  writeFileSync(path, [first, "{", ...rest].join("\n"));
  expect(() => readHistory(folder)).toThrow(UnusableHistoryError);
});

it("the command line prints the verdicts and exits with 0", () => {
  write(clean);
  const { code, text } = commandLine(folder);
  expect(text).toMatch(/^G7 +held/m);
  expect(text).toMatch(/^G21 +held/m);
  expect(text).toMatch(/^G19 +-/m);
  expect(code).toBe(0);
});

it("the command line tells the first violation with its timeline and exits with 1", () => {
  const audit = clean.audit.filter(({ change }) => !("taskId" in change) || change.taskId !== "t1");
  write({ ...clean, audit });
  const { code, text } = commandLine(folder);
  expect(text).toContain("G2 is violated 1 times: a task whose commit was acknowledged exists");
  expect(text).toMatch(/^ {4}n\d\.1 #\d+ at its \d+: enqueue\.invoke .*t1/m);
  expect(code).toBe(1);
});

it("unusable input exits with 2", () => {
  expect(commandLine(folder).code).toBe(2);
  expect(commandLine().code).toBe(2);
});
