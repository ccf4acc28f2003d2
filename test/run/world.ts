// A world for one test: a virtual clock, a store that can fail, schedulers on them, and a record of what ran.
import type {
  BoundExecutor,
  EnqueueOptions,
  ExecutorOptions,
  Receipt,
  TaskDefinition,
  TypedAttempt,
} from "owed";
import { defineTask, executor, Scheduler } from "owed";

import type { CommonOptions } from "../../src/run/options.ts";
import type { ClaimRequest } from "../../src/store/contract.ts";
import {
  type MemoryRows,
  type MemoryStore,
  type MemoryTransaction,
  memoryStore,
} from "../../src/store/memory/index.ts";
import { type VirtualPorts, virtualPorts } from "../../src/testing/index.ts";
import { type FaultyStore, faultyStore } from "./faulty-store.ts";

/** The type of tasks whose test does not care. */
export const job = defineTask<unknown>({ type: "job" });

/** A scheduler on the memory store. */
export type MemoryScheduler = Scheduler<MemoryTransaction, MemoryRows, boolean>;

/** One attempt that was started. */
export interface Run {
  readonly taskId: string;
  readonly type: string;
  readonly attempt: number;
  readonly generation: number;
  readonly startedMs: number;
  readonly signal: AbortSignal;
  /** When the executor returned or threw; null while it has not. */
  endedMs: number | null;
}

/** What an executor of a test does. */
export type Behaviour = (attempt: TypedAttempt<unknown>, run: Run) => unknown;

/** A world; nothing in it is real, so nothing needs to be closed. */
export class World implements FaultyStore {
  readonly ports: VirtualPorts;
  readonly runs: Run[] = [];
  readonly #faulty: FaultyStore;
  #ghosts = 0;

  constructor(unusual: Partial<MemoryStore> = {}, seed = 1) {
    this.ports = virtualPorts({ seed });
    this.#faulty = this.wire({ ...memoryStore({ ports: this.ports }), ...unusual });
  }

  get store(): MemoryStore {
    return this.#faulty.store;
  }

  get inner(): MemoryStore {
    return this.#faulty.inner;
  }

  get calls(): FaultyStore["calls"] {
    return this.#faulty.calls;
  }

  readonly callsOf: FaultyStore["callsOf"] = (method) => this.#faulty.callsOf(method);
  readonly fault: FaultyStore["fault"] = (methods, fault) => this.#faulty.fault(methods, fault);
  readonly heal: FaultyStore["heal"] = (methods) => this.#faulty.heal(methods);

  /** Another wire to the same database, for a process that is cut off alone: `scheduler({ store: wire.store })`. */
  wire(inner: MemoryStore = this.inner): FaultyStore {
    return faultyStore(this.ports, inner);
  }

  /** A process that claims and dies at once: what it held is lost. Answers the ids of what it held. */
  async ghost(unusual: Partial<ClaimRequest> = {}): Promise<readonly string[]> {
    this.#ghosts += 1;
    const owner = String(this.#ghosts);
    await this.inner.register({ owner, host: "ghost", pid: 1, types: "all", slots: 1, leaseMs: 15_000 });
    const room = {
      types: "all",
      limit: 1_000,
      maxBytes: 1e9,
      suspectLimit: 1_000,
      alone: false,
      liveClaims: [1],
    } as const;
    const { tasks } = await this.inner.claim({ owner, claim: 1, ...room, ...unusual });
    await this.inner.removeProcess(owner);
    return tasks.map(({ taskId }) => taskId);
  }

  /** An executor that is recorded. Without a behaviour it succeeds at once. */
  executor(
    definition: TaskDefinition<unknown, unknown> = job,
    behaviour: Behaviour = () => undefined,
    options: ExecutorOptions = {},
  ): BoundExecutor {
    return executor(definition, options, async (attempt) => {
      const { taskId, type, generation, signal } = attempt;
      const startedMs = this.ports.clock.monotonicMs();
      const run: Run = {
        taskId,
        type,
        attempt: attempt.attempt,
        generation,
        startedMs,
        signal,
        endedMs: null,
      };
      this.runs.push(run);
      try {
        return await behaviour(attempt, run);
      } finally {
        run.endedMs = this.ports.clock.monotonicMs();
      }
    });
  }

  /** A scheduler with the recorded executors; one for `job` unless said otherwise. Not started. */
  scheduler(
    options: Partial<CommonOptions<MemoryTransaction, MemoryRows, boolean>> & {
      readonly executors?: readonly BoundExecutor[];
    } = {},
  ): MemoryScheduler {
    return new Scheduler({ store: this.store, ports: this.ports, executors: [this.executor()], ...options });
  }

  /** A scheduler that is started. */
  async started(...options: Parameters<World["scheduler"]>): Promise<MemoryScheduler> {
    const scheduler = this.scheduler(...options);
    await scheduler.start();
    return scheduler;
  }

  /** Enqueues on a transaction of the test's own and commits it. */
  async enqueue(
    scheduler: MemoryScheduler,
    options: EnqueueOptions = {},
    data: unknown = {},
    definition = job,
  ): Promise<Receipt> {
    const transaction = await this.inner.begin();
    const receipt = await scheduler.enqueue(transaction, definition, data, options);
    await transaction.commit();
    return receipt;
  }

  /** Enqueues committed tasks that nobody has claimed: due work as another process would have left it. */
  async leave(
    taskIds: readonly string[],
    definition: TaskDefinition<unknown, unknown> = job,
    options: EnqueueOptions = {},
  ): Promise<void> {
    const elsewhere = new Scheduler({ store: this.inner, ports: this.ports });
    const transaction = await this.inner.begin();
    await elsewhere.enqueueAll(
      transaction,
      definition,
      taskIds.map((taskId) => ({ taskId, data: {}, ...options })),
    );
    await transaction.commit();
  }

  /** Takes virtual time. */
  sleep(durationMs: number): Promise<void> {
    return new Promise((resolve) => void this.ports.timers.after(durationMs, resolve));
  }

  /** The ids of what was started, in order. */
  get startedIds(): readonly string[] {
    return this.runs.map(({ taskId }) => taskId);
  }

  /** How many attempts run now. */
  get running(): number {
    return this.runs.filter(({ endedMs }) => endedMs === null).length;
  }

  /** Most attempts that ran at one time, of one type or of all. */
  mostAtOnce(type?: string): number {
    const events = this.runs
      .filter((run) => type === undefined || run.type === type)
      .flatMap(({ startedMs, endedMs }) => [
        { atMs: startedMs, change: 1 },
        { atMs: endedMs ?? Number.POSITIVE_INFINITY, change: -1 },
      ])
      .sort((left, right) => left.atMs - right.atMs || left.change - right.change);
    let now = 0;
    return events.reduce((most, { change }) => {
      now += change;
      return Math.max(most, now);
    }, 0);
  }

  /** The state of a task, for short. */
  async stateOf(taskId: string): Promise<string> {
    return (await this.inner.get(taskId))?.state ?? "gone";
  }

  /** What transactions have put and committed beside tasks. */
  async committedKeys(): Promise<readonly string[]> {
    const reader = await this.inner.begin();
    const keys = await reader.keys();
    await reader.rollback();
    return keys;
  }

  /** What the store counts, with the conservation law in it. */
  async balance(): Promise<{
    readonly pending: number;
    readonly confirmed: number;
    readonly failed: number;
  }> {
    const { enqueued, pending, confirmed, failed, cancelled, pruned } = await this.inner.balance();
    if (enqueued !== pending + confirmed + failed + cancelled + pruned)
      throw new Error("the balance does not add up");
    return { pending, confirmed, failed };
  }

  /** How many claim numbers the scheduler holds live, besides that of the question: each is a task it watches or runs. */
  async liveClaims(scheduler: MemoryScheduler): Promise<number> {
    await scheduler.executeAndAdvance("no such task");
    const [request] = this.callsOf("claimById").at(-1)?.call ?? [];
    return (request as { readonly liveClaims: readonly number[] }).liveClaims.length - 1;
  }
}

/** A promise that the test resolves. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

/** `count` ids: `a-0`, `a-1` ... */
export function ids(prefix: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
}
