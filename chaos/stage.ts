// What a scenario works with: a database, processes that it starts and harms, and the history that is judged afterwards.
import { existsSync, lchownSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AUDIT_FILE, HistoryWriter, NEMESIS_FILE, processFile, writeSettings } from "../checker/files.ts";
import type { History, ProcessEvent, RunSettings } from "../checker/history.ts";
import { serverAccount } from "../test/support/server-account.ts";
import { Child, type ChildOptions, type Ended } from "./child.ts";
import { NemesisLog } from "./nemesis-log.ts";
import type { EnqueueReport } from "./process/enqueuing.ts";
import { knownKinds, typeSettings } from "./process/kinds.ts";
import type { EnqueueWay, TaskOrder } from "./process/messages.ts";
import type { ProcessSettings, RunDatabase } from "./process/settings.ts";
import { Proxy } from "./proxy.ts";
import type { Rig } from "./rig.ts";
import { RunPostgres } from "./run-postgres.ts";
import { RunSqlite } from "./run-sqlite.ts";
import { until } from "./until.ts";

/** How the processes of a run are set up, unless one is told otherwise. */
export interface StageSettings {
  readonly leaseMs: number;
  readonly pollIntervalMs: number;
  readonly concurrency: number;
  readonly maxLostAlone: number;
  readonly graceMs: number;
  readonly attemptTimeoutMs: number;
}

/** What scenarios run with: short, so that a run takes seconds. */
export const shortSettings: StageSettings = Object.freeze({
  leaseMs: 2_000,
  pollIntervalMs: 500,
  concurrency: 10,
  maxLostAlone: 5,
  graceMs: 4_000,
  attemptTimeoutMs: 60_000,
});

/** What a process is told beyond the settings of the stage. */
export type ProcessOptions = Partial<
  Omit<ProcessSettings, "process" | "boot" | "historyFile" | "gateFolder">
> &
  Partial<Pick<ChildOptions, "runtimeOptions" | "environment">> & {
    /** Its connections go through a proxy of its own. */
    readonly proxied?: boolean;
    /** Connections of the application's own pool; null: it has none. */
    readonly poolSize?: number | null;
    readonly statementTimeoutMs?: number;
    /** Do not wait until it is ready. */
    readonly unawaited?: boolean;
  };

/** Where the tasks of a run are, and who tells of it. */
export type StageDatabase = RunPostgres | RunSqlite;

/** One run. */
export class Stage implements AsyncDisposable {
  readonly rig: Rig;
  readonly folder: string;
  readonly nemesis = new NemesisLog();
  readonly settings: StageSettings;
  readonly children: Child[] = [];
  /** What the checker is told besides; scenarios change it. */
  readonly judged: { -readonly [Key in keyof RunSettings]?: RunSettings[Key] } = {};
  readonly #proxies = new Map<string, Proxy>();
  #database: StageDatabase;

  constructor(
    rig: Rig,
    settings: StageSettings,
    database: (nemesis: NemesisLog, folder: string) => StageDatabase,
  ) {
    this.rig = rig;
    this.folder = rig.newFolder();
    this.settings = settings;
    this.#database = database(this.nemesis, this.folder);
    for (const name of ["gates", "history"]) mkdirSync(join(this.folder, name));
  }

  /** The Postgres of the run. */
  get postgres(): RunPostgres {
    if (!(this.#database instanceof RunPostgres)) throw new Error("this run is on SQLite");
    return this.#database;
  }

  /** The SQLite file of the run. */
  get sqlite(): RunSqlite {
    if (!(this.#database instanceof RunSqlite)) throw new Error("this run is on Postgres");
    return this.#database;
  }

  /** Lets the run go on with another database. */
  useDatabase(database: StageDatabase): void {
    this.#database = database;
  }

  /** Starts a worker, or its next life. */
  async worker(name: string, options: ProcessOptions = {}): Promise<Child> {
    return await this.#start("worker", name, options);
  }

  /** Starts a client: with a pool of its own, and without executors unless told so. */
  async client(name: string, options: ProcessOptions = {}): Promise<Child> {
    return await this.#start("client", name, { poolSize: 4, kinds: null, ...options });
  }

  /** The proxy of a process that was started with one. */
  proxyOf(child: Child): Proxy {
    const proxy = this.#proxies.get(child.name);
    if (proxy === undefined) throw new Error(`${child.name} has no proxy`);
    return proxy;
  }

  /** Enqueues through a client. */
  async enqueue(
    client: Child,
    tasks: readonly TaskOrder[],
    way: EnqueueWay = "alone",
  ): Promise<EnqueueReport> {
    return (await client.ask({ do: "enqueue", way, tasks })) as EnqueueReport; // what a client answers to that
  }

  /** Kills a process as the kernel does, and waits until it is gone. */
  async kill(child: Child): Promise<void> {
    this.nemesis.note({ kind: "kill", process: child.name, boot: child.boot });
    child.signal("SIGKILL");
    await child.ended;
  }

  /** Notes that a process has killed itself, or will. */
  noteDeath(child: Child): void {
    this.nemesis.note({ kind: "kill", process: child.name, boot: child.boot });
  }

  /** Stands a process still. */
  pause(child: Child): void {
    this.nemesis.note({ kind: "pause", process: child.name, boot: child.boot });
    child.isPaused = true;
    child.signal("SIGSTOP");
  }

  /** Lets it go on. */
  resume(child: Child): void {
    child.signal("SIGCONT");
    child.isPaused = false;
    this.nemesis.note({ kind: "resume", process: child.name, boot: child.boot });
  }

  /** Takes the network of a process away, in a way that nobody is told of. */
  blackHole(child: Child): void {
    this.nemesis.note({ kind: "cut", process: child.name });
    this.proxyOf(child).blackHole();
  }

  /** Ends its connections, and each new one. */
  refuse(child: Child): void {
    this.nemesis.note({ kind: "cut", process: child.name });
    this.proxyOf(child).refuse();
  }

  /** Gives the network back. */
  heal(child: Child): void {
    this.proxyOf(child).heal();
    this.nemesis.note({ kind: "heal", process: child.name });
  }

  /** Asks a process to stop, and waits for its end. */
  async terminate(
    child: Child,
    signal: NodeJS.Signals = "SIGTERM",
  ): Promise<Ended & { readonly tookMs: number }> {
    const fromMs = performance.now();
    child.signal(signal);
    const ended = await child.ended;
    return { ...ended, tookMs: ended.atMs - fromMs };
  }

  /** Lets tasks go on that wait for a gate. */
  openGate(name: string): void {
    writeFileSync(join(this.folder, "gates", name), "");
  }

  /** Gives a folder back to the account of the server, after it was copied. */
  chownToServer(folder: string): void {
    const account = serverAccount();
    if (account === undefined) return;
    const entries = readdirSync(folder, { recursive: true, encoding: "utf8" });
    for (const path of ["", ...entries]) lchownSync(join(folder, path), account.uid, account.gid);
  }

  /** No more faults from here on. */
  quiet(): void {
    this.nemesis.note({ kind: "quiet" });
  }

  /** Waits until nothing is pending any more. */
  async rest(limitMs = 40_000): Promise<number> {
    return await until(
      "nothing is pending any more",
      async () => (await this.#database.counts()).pending === 0,
      limitMs,
    );
  }

  /** Starts the load of clients. */
  async load(
    clients: readonly Child[],
    load: {
      readonly everyMs?: number;
      readonly kinds?: readonly string[];
      readonly runMs?: number;
      readonly failing?: number;
    } = {},
  ): Promise<void> {
    const filled = { everyMs: 50, kinds: ["work"], runMs: 50, failing: 0, ...load };
    for (const client of clients) {
      await client.ask({ do: "load", prefix: `${client.name}.${client.boot}`, ...filled });
    }
  }

  /** Ends it; answers how many tasks they have enqueued. */
  async endLoad(clients: readonly Child[]): Promise<number> {
    const counts = await Promise.all(clients.map((client) => client.ask({ do: "end-load" })));
    return counts.reduce<number>((sum, count) => sum + Number(count), 0);
  }

  /** Leaves the history in a folder, as the checker's command reads it. */
  keepHistory(history: History): string {
    const folder = join(this.folder, "history");
    for (const [file, events] of [
      [NEMESIS_FILE, history.nemesis],
      [AUDIT_FILE, history.audit],
    ] as const) {
      using writer = new HistoryWriter(join(folder, file));
      for (const event of events) writer.write(event);
    }
    writeSettings(folder, history.settings);
    return folder;
  }

  /** Events that processes have written by now. */
  events(): readonly ProcessEvent[] {
    const folder = join(this.folder, "history");
    const files = readdirSync(folder).filter((file) => file.startsWith("history."));
    return files.flatMap((file) =>
      readFileSync(join(folder, file), "utf8")
        .split("\n")
        .filter((line) => line !== "")
        .flatMap((line): ProcessEvent[] => {
          try {
            return [JSON.parse(line) as ProcessEvent]; // processes of the rig write nothing else
          } catch {
            return []; // the last line of a process that was killed
          }
        }),
    );
  }

  /** Whether an executor was called for a task: by a process, or by any. */
  hasStarted(taskId: string, process?: string): boolean {
    return this.starts(taskId, process) > 0;
  }

  /** How often. */
  starts(taskId: string, process?: string): number {
    return this.events().filter(
      ({ event, process: name }) =>
        event.kind === "execution.start" && event.taskId === taskId && (process ?? name) === name,
    ).length;
  }

  /** Everything about the run, for the checker. */
  async history(): Promise<History> {
    const { leaseMs, pollIntervalMs, maxLostAlone } = this.settings;
    const settings: RunSettings = {
      leaseMs,
      heartbeatMs: leaseMs / 3,
      pollIntervalMs,
      maxLostAlone,
      types: typeSettings(),
      endedAtRest: true,
      // Two cores, shared with whatever else runs there.
      toleranceMs: 2_500,
      ...this.judged,
    };
    return {
      settings,
      processes: this.events(),
      nemesis: this.nemesis.events,
      audit: await this.#database.audit(),
    };
  }

  /** What a process has printed: empty unless something went wrong in it. */
  output(name: string): string {
    const file = join(this.folder, `${name}.log`);
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  }

  /** Ends all processes in order, so that what they know is in their histories. */
  async endAll(): Promise<void> {
    const alive = this.children.filter(({ isAlive }) => isAlive);
    for (const child of alive) if (child.isPaused) this.resume(child);
    await Promise.all(alive.map((child) => this.terminate(child)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.children) child.signal("SIGKILL");
    await Promise.all(this.children.map(({ ended }) => ended));
    for (const proxy of this.#proxies.values()) await proxy[Symbol.asyncDispose]();
    await this.#database.drop();
  }

  async #start(program: "worker" | "client", name: string, options: ProcessOptions): Promise<Child> {
    const { unawaited = false, runtimeOptions, environment, ...own } = options;
    const earlier = this.children.filter((child) => child.name === name).length;
    const boot = earlier + 1;
    if (boot > 1) this.nemesis.note({ kind: "restart", process: name, boot });
    const database = own.database ?? (await this.#databaseFor(name, options));
    const child = new Child({
      program,
      folder: this.folder,
      ...(runtimeOptions === undefined ? {} : { runtimeOptions }),
      ...(environment === undefined ? {} : { environment }),
      settings: {
        ...this.settings,
        migrate: false,
        hooksThrow: false,
        startTries: null,
        kinds: knownKinds,
        ...own,
        database,
        process: name,
        boot,
        historyFile: join(this.folder, "history", processFile(name)),
        gateFolder: join(this.folder, "gates"),
      },
    });
    this.children.push(child);
    if (!unawaited) await child.ready;
    return child;
  }

  async #databaseFor(
    name: string,
    { proxied = false, poolSize = null, statementTimeoutMs }: ProcessOptions,
  ): Promise<RunDatabase> {
    if (this.#database instanceof RunSqlite) return { kind: "sqlite", file: this.#database.file };
    const { server, schema } = this.#database;
    let port = server.port;
    if (proxied) {
      const proxy = this.#proxies.get(name) ?? (await Proxy.before(server.port));
      this.#proxies.set(name, proxy);
      port = proxy.port;
    }
    const connectionString = this.#database.connectionString(port);
    return {
      kind: "postgres",
      connectionString,
      schema,
      ...(poolSize === null ? {} : { poolSize }),
      ...(statementTimeoutMs === undefined ? {} : { statementTimeoutMs }),
    };
  }
}
