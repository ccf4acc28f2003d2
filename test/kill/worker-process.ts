// Starts, kills and ends worker processes by recorded pid, and reads what they left behind.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { WorkerSettings } from "./worker-settings.ts";

const MAIN = fileURLToPath(new URL("./worker-main.ts", import.meta.url));

/** A folder with the files of one test, and the processes it started. */
export class KillScene {
  readonly folder = mkdtempSync(join(tmpdir(), "owed-kill-"));
  readonly effectsFile = join(this.folder, "effects.txt");
  readonly gateFile = join(this.folder, "gate");
  readonly #processes = new Set<ChildProcess>();

  /** Starts a worker process; resolves when it has said that it is ready. */
  async start(settings: Pick<WorkerSettings, "database"> & Partial<WorkerSettings>): Promise<ChildProcess> {
    const full: WorkerSettings = {
      name: "task",
      leaseMs: 2_000,
      concurrency: 10,
      maxLostAlone: 5,
      enqueueCount: 0,
      effectsFile: this.effectsFile,
      gateFile: this.gateFile,
      ...settings,
    };
    const child = spawn(process.execPath, ["--import", "tsx", MAIN, JSON.stringify(full)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#processes.add(child);
    child.once("exit", () => this.#processes.delete(child));
    await new Promise<void>((resolve, reject) => {
      child.stdout?.on("data", (text: Buffer) => text.includes("ready") && resolve());
      child.once("exit", (code, signal) =>
        reject(new Error(`a worker ended before it was ready: ${code ?? signal}`)),
      );
    });
    return child;
  }

  /** Opens the gate `waiting` tasks wait for. */
  openGate(): void {
    writeFileSync(this.gateFile, "");
  }

  /** What executors noted: lines of `event taskId pid`. */
  effects(): readonly { readonly event: string; readonly taskId: string; readonly pid: number }[] {
    if (!existsSync(this.effectsFile)) return [];
    return readFileSync(this.effectsFile, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => {
        const [event = "", taskId = "", pid] = line.split(" ");
        return { event, taskId, pid: Number(pid) };
      });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#processes) child.kill("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Kills a process with SIGKILL and waits until it is gone. */
export async function killed(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await ended(child);
}

/** Resolves when a process is gone. */
export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise((resolve) => child.once("exit", resolve));
}

/** Waits until the condition holds; throws, naming it, when it does not within the limit. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = 30_000,
): Promise<number> {
  const startMs = performance.now();
  while (!(await condition())) {
    if (performance.now() - startMs > limitMs) throw new Error(`not within ${limitMs} ms: ${what}`);
    await delay(25);
  }
  return performance.now() - startMs;
}
