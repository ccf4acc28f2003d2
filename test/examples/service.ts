// A program of an example as a process of its own: started on a free port, asked over HTTP, killed or stopped by its process id.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../support/server-process.ts";

const READY_TIMEOUT_MS = 60_000;
const REPLY_TIMEOUT_MS = 20_000;

/** How a program is started. */
export interface Program {
  readonly folder: string;
  /** Arguments of node. */
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** The variable that names the port of its health. */
  readonly portVariable: string;
}

/** What a service tells of itself. */
export interface Health {
  readonly isHealthy: boolean;
  readonly database: boolean;
  readonly pending?: number;
  readonly failed?: number;
  readonly workers?: number;
}

/** A running service. */
export class Service implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #address: string;
  #output = "";

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.#address = `http://127.0.0.1:${port}`;
    const note = (chunk: Buffer): void => {
      this.#output += chunk.toString();
    };
    child.stdout?.on("data", note);
    child.stderr?.on("data", note);
  }

  /** Starts a program, and resolves once it says that it is healthy. */
  static async start({ folder, argv, environment, portVariable }: Program): Promise<Service> {
    const port = await freePort();
    const child = spawn(process.execPath, argv, {
      cwd: folder,
      // Nothing of whoever runs the tests: no DATABASE_URL, no PG* variables.
      env: { PATH: process.env["PATH"], TZ: "UTC", ...environment, [portVariable]: String(port) },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const service = new Service(child, port);
    try {
      await service.#ready();
      return service;
    } catch (error) {
      await service.kill();
      throw error;
    }
  }

  /** All it has printed. */
  get output(): string {
    return this.#output;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Posts JSON; answers the status, or null when no answer came. */
  async post(path: string, body: object): Promise<number | null> {
    try {
      const reply = await fetch(`${this.#address}${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(REPLY_TIMEOUT_MS),
      });
      await reply.arrayBuffer();
      return reply.status;
    } catch {
      return null;
    }
  }

  /** What it tells at /health, with the status of that answer. */
  async health(): Promise<Health & { readonly status: number }> {
    const reply = await fetch(`${this.#address}/health`, { signal: AbortSignal.timeout(REPLY_TIMEOUT_MS) });
    return { ...((await reply.json()) as Health), status: reply.status };
  }

  /** SIGKILL, by its process id. Resolves once it is gone. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** SIGTERM; answers the exit code, and which of its child processes were left behind. Kills what does not end in time. */
  async stop(graceMs: number): Promise<{ readonly code: number | null; readonly left: readonly number[] }> {
    const children = descendantsOf(this.#child.pid);
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), graceMs);
    await this.#end("SIGTERM");
    clearTimeout(timer);
    return { code: this.#child.exitCode, left: children.filter(isAlive) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (!this.isRunning) return;
    const exited = once(this.#child, "exit");
    this.#child.kill(signal);
    await exited;
  }

  async #ready(): Promise<void> {
    const deadline = performance.now() + READY_TIMEOUT_MS;
    while (this.isRunning && performance.now() < deadline) {
      const health = await this.health().catch(() => null);
      if (health?.isHealthy === true) return;
      await sleep(100);
    }
    throw new Error(`the service did not become healthy:\n${this.#output}`);
  }
}

/** Processes below a process, as the system lists them. */
function descendantsOf(pid: number | undefined): number[] {
  if (pid === undefined) return [];
  const listed = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  const children = listed === "" ? [] : listed.split(" ").map(Number);
  return children.flatMap((child) => [child, ...descendantsOf(child)]);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
