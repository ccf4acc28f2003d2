// One life of a process of the rig: started by path, known by its pid, spoken to over a channel, signalled and waited for.
import { type ChildProcess, spawn } from "node:child_process";
import { openSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Answer, Command, Message, ProcessStatus } from "./process/messages.ts";
import type { ProcessSettings } from "./process/settings.ts";

/** How a process is started, besides its settings. */
export interface ChildOptions {
  readonly program: "worker" | "client";
  readonly settings: ProcessSettings;
  /** A folder of the run; the watcher finds the process by it. */
  readonly folder: string;
  /** Options of the runtime, such as a limit of memory. */
  readonly runtimeOptions?: readonly string[];
  /** Variables besides those of the rig. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** How a process ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** On the clock of the rig. */
  readonly atMs: number;
}

const tsx = import.meta.resolve("tsx");

/** What an error of a command says: the code of the library, or the name of the error. */
export class CommandError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

/** A running process. */
export class Child {
  readonly name: string;
  readonly boot: number;
  readonly settings: ProcessSettings;
  /** Resolves when it has started its scheduler; rejects when it ends before. */
  readonly ready: Promise<void>;
  /** Resolves when it has ended. */
  readonly ended: Promise<Ended>;
  end: Ended | null = null;
  isPaused = false;
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #requests = 0;

  constructor({ program, settings, folder, runtimeOptions = [], environment = {} }: ChildOptions) {
    this.name = settings.process;
    this.boot = settings.boot;
    this.settings = settings;
    const main = fileURLToPath(new URL(`./${program}-process.ts`, import.meta.url));
    const output = openSync(`${folder}/${this.name}.log`, "a");
    this.#process = spawn(
      process.execPath,
      [...runtimeOptions, "--import", tsx, main, JSON.stringify(settings)],
      {
        cwd: folder,
        env: { ...process.env, ...environment },
        stdio: ["ignore", output, output, "ipc"],
        // A group of its own: Ctrl-C in a terminal reaches the rig alone.
        detached: true,
      },
    );
    this.ended = new Promise((resolve) => {
      this.#process.once("exit", (code, signal) => {
        this.end = { code, signal, atMs: performance.now() };
        const gone: Answer = { ok: false, code: "GONE", message: `${this.name} has ended` };
        for (const answer of this.#waiting.values()) answer(gone);
        resolve(this.end);
      });
    });
    this.#process.on("error", () => undefined);
    this.ready = new Promise((resolve, reject) => {
      this.#process.on("message", (message: Message) => {
        if (message.kind === "ready") resolve();
        else this.#waiting.get(message.id)?.(message.answer);
      });
      void this.ended.then(({ code, signal }) =>
        reject(new Error(`${this.name} ended before it was ready: ${code ?? signal}`)),
      );
    });
    this.ready.catch(() => undefined);
  }

  /** Its process id; throws when it was never started. */
  get pid(): number {
    const { pid } = this.#process;
    if (pid === undefined) throw new Error(`${this.name} could not be started`);
    return pid;
  }

  get isAlive(): boolean {
    return this.end === null;
  }

  /** Sends a signal to this process, and to it alone. */
  signal(signal: NodeJS.Signals): void {
    if (this.isAlive) this.#process.kill(signal);
  }

  /** Asks it to do something; rejects with CommandError when it cannot. */
  async ask(command: Command): Promise<unknown> {
    const id = (this.#requests += 1);
    const answered = new Promise<Answer>((resolve) => {
      this.#waiting.set(id, resolve);
      if (!this.isAlive) resolve({ ok: false, code: "GONE", message: `${this.name} has ended` });
    });
    if (this.isAlive) this.#process.send({ id, command }, () => undefined);
    const answer = await answered;
    this.#waiting.delete(id);
    if (answer.ok) return answer.value;
    throw new CommandError(answer.code, answer.message);
  }

  /** How it is. */
  async status(): Promise<ProcessStatus> {
    return (await this.ask({ do: "status" })) as ProcessStatus; // what a process answers to that
  }
}
