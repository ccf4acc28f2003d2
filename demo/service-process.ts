/** The service seen from outside: started, killed by its recorded process id, started again, stopped. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { ServiceMessage, ServiceSettings } from "./service.ts";

/** Whom the service process tells what happens to it. */
export interface ServiceListener {
  /** A process stopped sending heartbeats, and the service has noticed. `pid` is null for one not started here. */
  onDeclaredDead(pid: number | null): void;
  /** A line the service wrote to its standard error. */
  onComplaint(line: string): void;
  /** The service ended, and nobody here had asked for it. */
  onUnexpectedEnd(): void;
}

const READY_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 10_000;

/** Keeps one service running at a time. */
export class ServiceProcess {
  readonly #settings: ServiceSettings;
  readonly #listener: ServiceListener;
  readonly #pidOfOwner = new Map<string, number>();
  readonly #killed = new Set<number>();
  #child: ChildProcess | null = null;
  #isOver = false;
  #port: number | null = null;

  constructor(settings: ServiceSettings, listener: ServiceListener) {
    this.#settings = settings;
    this.#listener = listener;
    process.on("exit", this.#endAtExit);
  }

  /** Where it listens; null while it is down. */
  get address(): string | null {
    return this.#port === null ? null : `http://127.0.0.1:${this.#port}`;
  }

  /** Whether an owner, as it stands in the log of attempts, was a process that was killed here. */
  wasKilled(owner: string): boolean {
    const pid = this.#pidOfOwner.get(owner);
    return pid !== undefined && this.#killed.has(pid);
  }

  /** Starts it; answers its process id once it takes payments. Rejects when it ends before, or takes too long. */
  async start(): Promise<number> {
    if (this.#isOver) throw new Error("The show is over.");
    // fork hands on how this process itself was started, so that the child can run TypeScript too.
    const child = fork(
      fileURLToPath(new URL("./service.ts", import.meta.url)),
      [JSON.stringify(this.#settings)],
      {
        stdio: ["ignore", "ignore", "pipe", "ipc"],
      },
    );
    this.#child = child;
    this.#forwardComplaints(child);
    const { pid } = child;
    if (pid === undefined) throw new Error("The service could not be started.");
    const port = await new Promise<number>((resolve, reject) => {
      const fail = (): void =>
        reject(new Error("The service ended, or said nothing, before it took payments."));
      const timer = setTimeout(fail, READY_TIMEOUT_MS);
      child.once("exit", fail);
      child.on("message", (message) => {
        const port = this.#hear(message as ServiceMessage, pid); // what our own service.ts sends
        if (port === null) return;
        clearTimeout(timer);
        child.off("exit", fail);
        resolve(port);
      });
    });
    this.#port = port;
    child.once("exit", () => {
      if (this.#child !== child || this.#killed.has(pid)) return;
      this.#port = null;
      this.#listener.onUnexpectedEnd();
    });
    return pid;
  }

  /** SIGKILL: no handler runs, nothing is flushed. Answers the process id once the process is gone. */
  async kill(): Promise<number> {
    const child = this.#child;
    const pid = child?.pid;
    if (child === null || pid === undefined) throw new Error("There is no service to kill.");
    this.#port = null;
    this.#killed.add(pid);
    process.kill(pid, "SIGKILL");
    await ended(child);
    return pid;
  }

  /** Asks it to finish what runs and to leave; kills it when it does not. */
  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    this.#port = null;
    if (child === null || isOver(child)) return;
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    if (child.connected) child.send("stop");
    await ended(child);
    clearTimeout(timer);
  }

  /** Ends it at once, if it still runs; for the way out. */
  async end(): Promise<void> {
    this.#isOver = true;
    const child = this.#child;
    this.#child = null;
    this.#port = null;
    child?.kill("SIGKILL");
    if (child !== null) await ended(child);
    process.off("exit", this.#endAtExit);
  }

  /** Whatever ends this process, the service does not stay behind. */
  readonly #endAtExit = (): void => {
    this.#child?.kill("SIGKILL");
  };

  #hear(message: ServiceMessage, pid: number): number | null {
    if (message.kind === "ready") return message.port;
    if (message.kind === "registered") this.#pidOfOwner.set(message.owner, pid);
    else this.#listener.onDeclaredDead(this.#pidOfOwner.get(message.owner) ?? null);
    return null;
  }

  #forwardComplaints(child: ChildProcess): void {
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      for (const line of text.split("\n")) if (line.trim() !== "") this.#listener.onComplaint(line);
    });
  }
}

function isOver(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function ended(child: ChildProcess): Promise<void> {
  if (!isOver(child)) await once(child, "exit");
}
