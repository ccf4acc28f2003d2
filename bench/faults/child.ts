// A process of the comparison: started by path, known by its pid, spoken to over a channel.
import { type ChildProcess, spawn } from "node:child_process";
import { openSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Command, Message, ProcessSettings } from "./messages.ts";

/** A running process. Its working directory is a folder of the run, by which a watcher finds it when all else has died. */
export class Child {
  /** Resolves with the names of its workers; rejects when it ends before. */
  readonly ready: Promise<readonly string[]>;
  readonly ended: Promise<void>;
  /** What `ready` answered. */
  workers: readonly string[] = [];
  isReady = false;
  isAlive = true;
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, (message: Message | null) => void>();
  #requests = 0;

  constructor(program: "worker" | "client", settings: ProcessSettings, folder: string) {
    const main = fileURLToPath(new URL(`./${program}-process.ts`, import.meta.url));
    const output = openSync(`${folder}/${program}.log`, "a");
    this.#process = spawn(process.execPath, [main, JSON.stringify(settings)], {
      cwd: folder,
      stdio: ["ignore", output, output, "ipc"],
      // A group of its own: Ctrl-C in a terminal reaches the comparison alone.
      detached: true,
    });
    this.#process.on("error", () => undefined);
    this.ended = new Promise((resolve) => {
      this.#process.once("exit", () => {
        this.isAlive = false;
        for (const answer of this.#waiting.values()) answer(null);
        resolve();
      });
    });
    this.ready = new Promise((resolve, reject) => {
      this.#process.on("message", (message: Message) => {
        if (message.kind !== "ready") return this.#waiting.get(message.id)?.(message);
        this.workers = message.workers;
        this.isReady = true;
        resolve(message.workers);
      });
      void this.ended.then(() => reject(new Error(`a ${program} of ${settings.system} did not start`)));
    });
    this.ready.catch(() => undefined);
  }

  /** Its process id; throws when it was never started. */
  get pid(): number {
    const { pid } = this.#process;
    if (pid === undefined) throw new Error("a process could not be started");
    return pid;
  }

  /** Sends a signal to this process, and to it alone. */
  signal(signal: NodeJS.Signals): void {
    if (this.isAlive) this.#process.kill(signal);
  }

  /** Asks it to do something; rejects when it cannot, or has ended. */
  async ask(command: Command): Promise<unknown> {
    const id = (this.#requests += 1);
    const answered = new Promise<Message | null>((resolve) => {
      this.#waiting.set(id, resolve);
      if (!this.isAlive) resolve(null);
    });
    if (this.isAlive) this.#process.send({ id, command }, () => undefined);
    const message = await answered;
    this.#waiting.delete(id);
    if (message?.kind === "answer") return message.value;
    throw new Error(message?.kind === "refusal" ? message.reason : "the process has ended");
  }
}
