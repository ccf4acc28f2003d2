// What one run of the rig holds: a folder, a watcher that ends everything should the rig be killed, servers and mounts.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type PostgresOptions, type PostgresServer, startPostgres } from "../test/support/postgres.ts";
import { reachableTemporaryFolder, serverAccount } from "../test/support/server-account.ts";
import { processesIn, signalAll } from "../test/support/server-process.ts";
import { auditSettings } from "./audit.ts";

/** Everything that must be gone when the run is over. */
export class Rig implements AsyncDisposable {
  readonly folder: string;
  readonly #watcher: ChildProcess;
  readonly #servers = new Set<PostgresServer>();
  readonly #mounts = new Set<string>();
  #shared: PostgresServer | null = null;
  #folders = 0;

  constructor() {
    this.folder = mkdtempSync(join(reachableTemporaryFolder(serverAccount()), "owed-chaos-"));
    chmodSync(this.folder, 0o755);
    const script = fileURLToPath(new URL("./rig-watcher.sh", import.meta.url));
    this.#watcher = spawn("/bin/sh", [script, this.folder], {
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
      cwd: "/",
    });
    this.#watcher.unref();
    (this.#watcher.stdin as unknown as { unref(): void }).unref(); // a Socket, which the type hides
  }

  /** A fresh folder of the run. */
  newFolder(): string {
    this.#folders += 1;
    const folder = join(this.folder, `run-${this.#folders}`);
    mkdirSync(folder);
    return folder;
  }

  /** The server of scenarios that leave it as it was: durable, since it is crashed too. Started once. */
  async sharedServer(): Promise<PostgresServer> {
    this.#shared ??= await this.newServer();
    if (!this.#shared.isRunning()) await this.#shared.start();
    return this.#shared;
  }

  /** A server of its own. */
  async newServer(options: Partial<PostgresOptions> = {}): Promise<PostgresServer> {
    const settings = { ...auditSettings, ...options.settings };
    const server = await startPostgres({ major: 18, durable: true, ...options, settings });
    this.#servers.add(server);
    return server;
  }

  /** Ends a server that is not needed any more. */
  async dropServer(server: PostgresServer): Promise<void> {
    this.#servers.delete(server);
    if (this.#shared === server) this.#shared = null;
    await server[Symbol.asyncDispose]();
  }

  /** Mounts a small disk in memory; answers why not, when it cannot be. */
  mount(name: string, megabytes: number): { readonly folder: string } | { readonly problem: string } {
    const folder = join(this.newFolder(), name);
    mkdirSync(folder);
    const options = ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", folder];
    const { status, stderr, error } = spawnSync("mount", options);
    if (status !== 0) return { problem: error?.message ?? stderr.toString().trim() };
    this.#mounts.add(folder);
    return { folder };
  }

  /** Takes a disk away again. */
  unmount(folder: string): void {
    if (this.#mounts.delete(folder)) spawnSync("umount", ["-l", folder]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) await server[Symbol.asyncDispose]();
    this.#servers.clear();
    for (const folder of this.#mounts) this.unmount(folder);
    this.#endStragglers();
    rmSync(this.folder, { recursive: true, force: true });
    this.#watcher.stdin?.end();
  }

  /** Processes are ended by the scenario that started them; this is for one that failed half-way. */
  #endStragglers(): void {
    if (!existsSync(this.folder)) return;
    for (let number = 1; number <= this.#folders; number += 1) {
      const folder = join(this.folder, `run-${number}`);
      if (processesIn(folder).length > 0) signalAll(folder, "SIGKILL");
    }
  }
}

/** Cleans up before the process ends by Ctrl-C or SIGTERM; a second one ends it at once, and the watcher cleans up. */
export function endWithSignals(rig: Rig): void {
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.once(signal, () => {
      void rig[Symbol.asyncDispose]().finally(() => process.exit(code));
    });
  }
}
