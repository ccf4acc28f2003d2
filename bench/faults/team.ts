// A contestant at work under one fault: its worker processes, its client, what was acknowledged, what the evidence says.
import { setTimeout as delay } from "node:timers/promises";
import { Proxy } from "../../chaos/proxy.ts";
import type { Arena } from "./arena.ts";
import { Child } from "./child.ts";
import { CONCURRENCY, type Contestant } from "./contestants.ts";
import { driverOf, type Job, type Standing } from "./driver.ts";
import { type Execution, monotonicMs, readEvidence } from "./evidence.ts";
import type { Enqueued, ProcessSettings } from "./messages.ts";

/** How long after its end a process is started anew, and after that the system told, where it can be. */
const RESTART_MS = 1_000;
const UNLOCK_MS = 500;
const RETRY_MS = 250;
const ASK_MS = 30_000;
/** Longer than any execution. */
const AFTERWARDS_MS = 4_000;

/** Tasks enqueued at even intervals. */
export interface Load {
  readonly tasks: number;
  readonly everyMs: number;
  readonly workMs: number;
}

/** One contestant under one fault. */
export class Team {
  readonly contestant: Contestant;
  readonly proxy: Proxy;
  /** When the enqueue of a task was acknowledged. */
  readonly acknowledged = new Map<string, number>();
  /** Worker processes that ended and were not killed by the comparison. */
  endedByThemselves = 0;
  readonly workers: Child[] = [];
  readonly #arena: Arena;
  readonly #database: string;
  readonly #folder: string;
  readonly #settings: ProcessSettings;
  #client: Child | null = null;
  readonly #killed = new Set<Child>();
  #isOver = false;

  private constructor(parts: {
    readonly arena: Arena;
    readonly contestant: Contestant;
    readonly database: string;
    readonly folder: string;
    readonly proxy: Proxy;
  }) {
    const { arena, contestant, database, folder, proxy } = parts;
    this.#arena = arena;
    this.contestant = contestant;
    this.#database = database;
    this.#folder = folder;
    this.proxy = proxy;
    this.#settings = {
      system: contestant.system,
      evidenceFile: `${folder}/evidence`,
      place: {
        connectionString: arena.connectionString(database),
        redisPort: arena.redis?.port ?? null,
        queue: database,
        options: contestant.options,
        concurrency: contestant.concurrency ?? CONCURRENCY,
      },
      applicationConnectionString: arena.connectionString(database),
    };
  }

  /** Prepares the system and starts its processes; resolves when all are ready. */
  static async start(
    arena: Arena,
    contestant: Contestant,
    workers: number,
    isProxied: boolean,
  ): Promise<Team> {
    const database = await arena.newDatabase();
    const proxy = await Proxy.before(arena.postgres.port);
    const team = new Team({ arena, contestant, database, folder: arena.rig.newFolder(), proxy });
    const driver = await driverOf(contestant.system);
    await driver.prepare(team.#settings.place);
    const applicationConnectionString = arena.connectionString(database, isProxied ? proxy.port : undefined);
    team.#client = new Child("client", { ...team.#settings, applicationConnectionString }, team.#folder);
    for (let count = 0; count < workers; count += 1) team.#startWorker();
    await Promise.all([team.#client, ...team.workers].map(({ ready }) => ready));
    return team;
  }

  /** All executions so far. */
  executions(): Execution[] {
    return readEvidence(this.#settings.evidenceFile);
  }

  /** The worker that executes most at this moment, and what. */
  busiest(): { readonly worker: Child; readonly inHand: readonly Execution[] } {
    const open = this.executions().filter(({ endMs }) => endMs === null);
    const [first, ...others] = this.workers
      .filter(({ isAlive }) => isAlive)
      .map((worker) => ({ worker, inHand: open.filter(({ pid }) => pid === worker.pid) }));
    if (first === undefined) throw new Error(`${this.contestant.name} has no worker left`);
    return others.reduce((best, one) => (one.inHand.length > best.inHand.length ? one : best), first);
  }

  /** Kills a worker; it is started anew a second later, as whoever supervises processes does. */
  kill(worker: Child): void {
    this.#killed.add(worker);
    worker.signal("SIGKILL");
  }

  /** Enqueues one task; what is acknowledged is remembered. Never rejects. */
  async enqueue(job: Job, retryMs: number | null = RETRY_MS): Promise<Enqueued> {
    const nothing: Enqueued = { isAcknowledged: false, attempts: 0 };
    const answer = await this.#client?.ask({ do: "enqueue", job, retryMs }).catch(() => nothing);
    const enqueued = (answer ?? nothing) as Enqueued; // what a client answers to that
    if (enqueued.isAcknowledged) this.acknowledged.set(job.task, monotonicMs());
    return enqueued;
  }

  /** Enqueues a load; resolves when all of it is acknowledged, or the client gave up. */
  async load({ tasks, everyMs, workMs }: Load): Promise<void> {
    const enqueues: Promise<Enqueued>[] = [];
    for (let number = 1; number <= tasks; number += 1) {
      enqueues.push(this.enqueue({ task: `task-${number}`, workMs, isPoison: false }));
      await delay(everyMs);
    }
    await Promise.all(enqueues);
  }

  /** What the system itself says, once it can be asked; throws when that is not the case for long. */
  async surelyStanding(): Promise<Standing> {
    const deadlineMs = monotonicMs() + ASK_MS;
    for (;;) {
      const standing = await this.standing();
      if (standing !== null) return standing;
      if (monotonicMs() > deadlineMs) throw new Error(`${this.contestant.name} cannot be asked`);
      await delay(500);
    }
  }

  /** What the system itself says; null while it cannot be asked. */
  async standing(): Promise<Standing | null> {
    const answer = this.#client?.ask({ do: "standing" }).catch(() => null);
    const standing = await Promise.race([answer, delay(ASK_MS, null, { ref: false })]);
    return (standing ?? null) as Standing | null; // what a client answers to that
  }

  /** Tasks of which the application's row is committed. */
  async committed(): Promise<readonly string[]> {
    return ((await this.#client?.ask({ do: "committed" })) ?? []) as readonly string[]; // what a client answers to that
  }

  /**
   * Resolves when every owed task was executed to its end and the system holds none of them any more, and a little
   * later, so that what is still going on somewhere else shows; or at the deadline.
   */
  async settled(owed: () => Iterable<string>, deadlineMs: number): Promise<void> {
    while (monotonicMs() < deadlineMs) {
      const done = new Set(this.executions().flatMap(({ task, endMs }) => (endMs === null ? [] : [task])));
      const standing = await this.standing();
      const failed = new Set(standing?.failed);
      const isOpen = (task: string): boolean => !done.has(task) && !failed.has(task);
      if (standing?.pending.length === 0 && ![...owed()].some(isOpen)) break;
      await delay(500);
    }
    await delay(AFTERWARDS_MS);
  }

  /** Ends all its processes and removes its database. */
  async dispose(): Promise<void> {
    this.#isOver = true;
    const children = [...this.workers, ...(this.#client === null ? [] : [this.#client])];
    for (const child of children) child.signal("SIGKILL");
    await Promise.all(children.map(({ ended }) => ended));
    await this.proxy[Symbol.asyncDispose]();
    await this.#arena.drop(this.#database);
  }

  #startWorker(): void {
    const worker = new Child("worker", this.#settings, this.#folder);
    this.workers.push(worker);
    void worker.ended.then(() => this.#afterEnd(worker));
  }

  async #afterEnd(worker: Child): Promise<void> {
    if (this.#isOver) return;
    if (worker.isReady && !this.#killed.has(worker)) this.endedByThemselves += 1;
    if (this.contestant.unlocks) void this.#unlock(worker);
    await delay(RESTART_MS);
    if (!this.#isOver) this.#startWorker();
  }

  /** Tells the system that a worker process is dead, until it was told. */
  async #unlock({ workers }: Child): Promise<void> {
    let isTold = workers.length === 0;
    while (!isTold && !this.#isOver) {
      await delay(UNLOCK_MS);
      const answer = this.#client?.ask({ do: "unlock", workers });
      isTold = (await answer?.then(() => true).catch(() => false)) === true;
    }
  }
}
