// A process of a measurement, seen from the measurement.
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Command, Message, Usage } from "./messages.ts";
import type { SystemName } from "./port.ts";

/** Executions of a process so far. */
export interface Progress {
  readonly executed: number;
  readonly firstNs: bigint;
  readonly lastNs: bigint;
}

/** A running process of one system. */
export class Member implements AsyncDisposable {
  progress: Progress = { executed: 0, firstNs: 0n, lastNs: 0n };
  readonly #system: SystemName;
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, (message: Message | null) => void>();
  readonly #ended: Promise<void>;
  #isAlive = true;
  #requests = 0;

  constructor(system: SystemName, logFile: string) {
    this.#system = system;
    const log = openSync(logFile, "a");
    const main = fileURLToPath(new URL("./member-process.ts", import.meta.url));
    // A group of its own: Ctrl-C in a terminal reaches the measurement alone.
    this.#process = spawn(process.execPath, [...process.execArgv, main, system], {
      stdio: ["ignore", log, log, "ipc"],
      // graphile-worker prints a line for every job without it; its own measurements set it too.
      env: { ...process.env, NO_LOG_SUCCESS: "1" },
      detached: true,
    });
    closeSync(log);
    this.#process.on("error", () => undefined);
    this.#process.on("message", (message: Message) => {
      if (message.kind !== "progress") return this.#waiting.get(message.id)?.(message);
      const { executed, firstNs, lastNs } = message;
      this.progress = { executed, firstNs: BigInt(firstNs), lastNs: BigInt(lastNs) };
    });
    this.#ended = new Promise((resolve) => {
      this.#process.once("close", () => {
        this.#isAlive = false;
        for (const answer of this.#waiting.values()) answer(null);
        resolve();
      });
    });
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Asks it to do something; rejects when it cannot, or has ended. */
  async ask(command: Command): Promise<unknown> {
    const id = (this.#requests += 1);
    const answered = new Promise<Message | null>((resolve) => {
      this.#waiting.set(id, resolve);
      if (!this.#isAlive) resolve(null);
    });
    if (this.#isAlive) this.#process.send({ id, command }, () => undefined);
    const message = await answered;
    this.#waiting.delete(id);
    if (message?.kind === "answer") return message.value;
    const reason = message?.kind === "refusal" ? message.reason : "the process has ended";
    throw new Error(`${this.#system}, asked to ${command.do}: ${reason}`);
  }

  /** What it has used since it started. */
  async usage(): Promise<Usage> {
    return (await this.ask({ do: "usage" })) as Usage; // as messages.ts says
  }

  /** Ends it at once: what it does is not of interest any more, and its database is dropped. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isAlive) this.#process.kill("SIGKILL");
    await this.#ended;
  }
}
