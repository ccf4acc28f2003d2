// The Redis of a run: Debian's program, started in a folder of its own, with the append-only file on.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { openSync } from "node:fs";
import { connect } from "node:net";
import { until } from "../../chaos/until.ts";
import { freePort } from "../../test/support/server-process.ts";

const programs = ["redis-server", "valkey-server"];

/** The program and its version, installed by apt-get where root may; otherwise why there is none. */
export function findRedis():
  | { readonly program: string; readonly version: string }
  | { readonly problem: string } {
  const found = programWithVersion();
  if (found !== null) return found;
  if (process.getuid?.() !== 0) {
    return {
      problem: "redis-server is not installed, and only root can install it (apt-get install redis-server)",
    };
  }
  const options = ["install", "--yes", "--no-install-recommends", "redis-server"];
  const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  for (const steps of [[options], [["update"], options]]) {
    for (const step of steps)
      spawnSync("apt-get", step, { env: environment, timeout: 300_000, stdio: "ignore" });
    const installed = programWithVersion();
    if (installed !== null) return installed;
  }
  return { problem: "redis-server is not installed, and apt-get could not install it" };
}

function programWithVersion(): { readonly program: string; readonly version: string } | null {
  for (const program of programs) {
    const { status, stdout } = spawnSync(program, ["--version"], { encoding: "utf8" });
    if (status === 0) return { program, version: /v=([\d.]+)/.exec(stdout)?.[1] ?? stdout.trim() };
  }
  return null;
}

/** A server that can be killed and started again on the same data and port. */
export class RedisServer {
  readonly port: number;
  readonly #program: string;
  readonly #folder: string;
  #process: ChildProcess | null = null;

  private constructor(program: string, folder: string, port: number) {
    this.#program = program;
    this.#folder = folder;
    this.port = port;
  }

  /** Its process id; throws while it is down. */
  get pid(): number {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new Error("Redis is not running");
    return pid;
  }

  /** Starts one; its data lie in `folder`. */
  static async start(program: string, folder: string): Promise<RedisServer> {
    const server = new RedisServer(program, folder, await freePort());
    await server.up();
    return server;
  }

  /** Starts it again. */
  async up(): Promise<void> {
    const log = openSync(`${this.#folder}/redis.log`, "a");
    const settings = {
      port: String(this.port),
      bind: "127.0.0.1",
      dir: this.#folder,
      appendonly: "yes",
      save: "",
    };
    const options = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
    this.#process = spawn(this.#program, options, {
      cwd: this.#folder,
      detached: true,
      stdio: ["ignore", log, log],
    });
    this.#process.on("error", () => undefined);
    await until("Redis answers", async () => (await this.command("PING")).startsWith("+PONG"));
  }

  /** Kills it, and waits for its end. */
  async down(): Promise<void> {
    const running = this.#process;
    if (running === null) return;
    this.#process = null;
    if (running.exitCode !== null || running.signalCode !== null) return;
    const ended = new Promise((resolve) => running.once("exit", resolve));
    running.kill("SIGKILL");
    await ended;
  }

  /** Ends all connections of clients but this one. */
  async killClients(): Promise<void> {
    await this.command("CLIENT KILL TYPE normal SKIPME yes");
  }

  /** Sends one command; answers the first line of what comes back. */
  command(text: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: "127.0.0.1", port: this.port });
      socket.once("error", reject);
      socket.once("data", (bytes) => {
        resolve(bytes.toString());
        socket.destroy();
      });
      socket.write(`${text}\r\n`);
    });
  }
}
