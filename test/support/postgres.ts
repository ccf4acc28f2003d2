// A real, private Postgres server for tests: its own data folder and port, gone with the process that started it.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Account, reachableTemporaryFolder, serverAccount } from "./server-account.ts";
import { binariesFor, type PostgresMajor } from "./server-binaries.ts";
import { allEnded, freePort, signalAll } from "./server-process.ts";

export type { PostgresMajor } from "./server-binaries.ts";

/** How a server is started. */
export interface PostgresOptions {
  /** The major version. */
  readonly major: PostgresMajor;
  /** Settings as in postgresql.conf; they win over those of the launcher. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Whether commits reach the disk (fsync on), for tests that crash the server. Default: false, which is faster. */
  readonly durable?: boolean;
}

/** "fast" ends sessions and writes a checkpoint; "immediate" is a crash: recovery follows at the next start. */
export type StopMode = "fast" | "immediate";

const readyTimeoutMs = 60_000;
const stopTimeoutMs = 30_000;
const stopSignals: Readonly<Record<StopMode, NodeJS.Signals>> = { fast: "SIGINT", immediate: "SIGQUIT" };
const endingSignals: readonly NodeJS.Signals[] = ["SIGKILL", "SIGQUIT", "SIGINT", "SIGTERM", "SIGABRT"];

/** A fixed locale and no PG* variables of whoever runs the tests. */
const environment: NodeJS.ProcessEnv = { PATH: process.env["PATH"], LC_ALL: "C", TZ: "UTC" };

/**
 * Starts a server, answers when it takes connections (about two seconds). Everyone may connect, from this machine only.
 * Dispose of it (`await using server = ...`) to stop it and remove its data; a watcher does that if the process dies.
 */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const account = serverAccount();
  const folder = mkdtempSync(join(reachableTemporaryFolder(account), "owed-postgres-"));
  chmodSync(folder, 0o755);
  const watcher = watch(folder);
  try {
    const binaries = binariesFor(options.major, account, folder);
    const dataFolder = join(folder, "data");
    mkdirSync(dataFolder, { mode: 0o700 });
    if (account !== undefined) chownSync(dataFolder, account.uid, account.gid);
    await createCluster(binaries, dataFolder, account);
    const server = new PostgresServer({ folder, dataFolder, binaries, account, watcher, options });
    await server.start();
    return server;
  } catch (error) {
    watcher.stdin?.end();
    throw error;
  }
}

/** The watcher reads from a pipe that closes when this process ends, however it ends. */
function watch(folder: string): ChildProcess {
  const script = fileURLToPath(new URL("./server-watcher.sh", import.meta.url));
  const watcher = spawn("/bin/sh", [script, folder], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    cwd: "/",
  });
  watcher.unref();
  (watcher.stdin as unknown as { unref(): void }).unref(); // a Socket, which the type hides
  return watcher;
}

async function createCluster(
  binaries: string,
  dataFolder: string,
  account: Account | undefined,
): Promise<void> {
  const options = [
    "-D",
    dataFolder,
    "-U",
    "postgres",
    "-A",
    "trust",
    "--no-sync",
    "--encoding=UTF8",
    "--locale=C",
  ];
  await promisify(execFile)(join(binaries, "bin", "initdb"), options, {
    ...account,
    cwd: "/",
    env: environment,
  });
}

interface ServerParts {
  readonly folder: string;
  readonly dataFolder: string;
  readonly binaries: string;
  readonly account: Account | undefined;
  readonly watcher: ChildProcess;
  readonly options: PostgresOptions;
}

/** A running server, or one that was stopped and can be started again on the same data and port. */
export class PostgresServer implements AsyncDisposable {
  readonly #parts: ServerParts;
  #postmaster: ChildProcess | undefined;
  #port: number | undefined;

  constructor(parts: ServerParts) {
    this.#parts = parts;
  }

  /** The TCP port on 127.0.0.1; the same after each start. */
  get port(): number {
    if (this.#port === undefined) throw new Error("The server was never started.");
    return this.#port;
  }

  /** For any driver; user and database are `postgres`. */
  get connectionString(): string {
    return `postgres://postgres@127.0.0.1:${this.port}/postgres`;
  }

  /** Where the cluster lives; readable by the server's account and root. */
  get dataFolder(): string {
    return this.#parts.dataFolder;
  }

  /** The postmaster's process id; undefined while the server is down. */
  get pid(): number | undefined {
    return this.isRunning() ? this.#postmaster?.pid : undefined;
  }

  /** What the server has logged so far. */
  log(): string {
    return readFileSync(join(this.#parts.folder, "log"), "utf8");
  }

  /** Starts the server that is down, and waits for recovery and readiness. */
  async start(): Promise<void> {
    if (this.isRunning()) throw new Error("The server is running already.");
    const fixedPort = this.#port;
    for (let tries = 0; ; tries += 1) {
      const port = fixedPort ?? (await freePort());
      this.#spawn(port);
      if (await this.#becameReady()) {
        this.#port = port;
        return;
      }
      // Between the look and the start somebody else can have taken the port.
      if (tries >= 4) throw new Error(`Postgres did not start:\n${this.log().slice(-2_000)}`);
      await sleep(100);
    }
  }

  /** The server that is down starts as a standby next, on the data it has, and reads only until `pg_promote()`. */
  makeStandby(): void {
    const { account, dataFolder } = this.#parts;
    const signal = join(dataFolder, "standby.signal");
    writeFileSync(signal, "");
    if (account !== undefined) chownSync(signal, account.uid, account.gid);
  }

  /** Stops the server, keeps its data for `start()`. A server that is down already stays so. */
  async stop(mode: StopMode): Promise<void> {
    if (this.isRunning()) this.#postmaster?.kill(stopSignals[mode]);
    await this.#ended();
  }

  /**
   * Sends a signal to postmaster and backends alike, and waits for the end of all when it is one that ends them.
   * SIGKILL is the crash of a machine but for its disk cache; SIGSTOP freezes the server until SIGCONT.
   */
  async kill(signal: NodeJS.Signals): Promise<void> {
    signalAll(this.dataFolder, signal);
    if (endingSignals.includes(signal)) await this.#ended();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    signalAll(this.dataFolder, "SIGCONT");
    await this.stop("immediate");
    rmSync(this.#parts.folder, { recursive: true, force: true });
    this.#parts.watcher.stdin?.end();
  }

  /** Whether the postmaster lives, frozen or not. */
  isRunning(): boolean {
    const postmaster = this.#postmaster;
    return postmaster !== undefined && postmaster.exitCode === null && postmaster.signalCode === null;
  }

  #spawn(port: number): void {
    const { folder, dataFolder, binaries, account } = this.#parts;
    const settings = Object.entries(this.#settings(port)).flatMap(([name, value]) => [
      "-c",
      `${name}=${value}`,
    ]);
    const log = openSync(join(folder, "log"), "a");
    this.#postmaster = spawn(join(binaries, "bin", "postgres"), ["-D", dataFolder, ...settings], {
      ...account,
      cwd: "/",
      env: environment,
      // Its own session: Ctrl-C in a terminal reaches the test runner, which then stops the server in order.
      detached: true,
      stdio: ["ignore", log, log],
    });
    this.#postmaster.unref();
    closeSync(log);
  }

  #settings(port: number): Record<string, string> {
    const { options } = this.#parts;
    const durable = options.durable === true ? "on" : "off";
    return {
      port: String(port),
      listen_addresses: "127.0.0.1",
      unix_socket_directories: "",
      max_connections: "200",
      // Files in the data folder instead of /dev/shm, where a killed server would leave them.
      dynamic_shared_memory_type: "mmap",
      fsync: durable,
      full_page_writes: durable,
      ...options.settings,
    };
  }

  /** True when ready, false when the postmaster gave up. It writes its state in the last line of postmaster.pid. */
  async #becameReady(): Promise<boolean> {
    const deadline = performance.now() + readyTimeoutMs;
    while (performance.now() < deadline) {
      if (!this.isRunning()) return false;
      const [pid, , , , , , , state] = readLines(join(this.dataFolder, "postmaster.pid"));
      if (Number(pid) === this.#postmaster?.pid && state?.trim() === "ready") return true;
      await sleep(20);
    }
    throw new Error(`Postgres was not ready in ${readyTimeoutMs} ms:\n${this.log().slice(-2_000)}`);
  }

  /** Backends can outlive their postmaster by moments, and a start before their end is refused. */
  async #ended(): Promise<void> {
    await allEnded(this.dataFolder, stopTimeoutMs);
    while (this.isRunning()) await sleep(5);
  }
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch {
    return []; // not written yet
  }
}
