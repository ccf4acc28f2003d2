/** The measurements, one after the other, in one place. Whoever enqueues and whoever executes are two schedulers of this process. */
import { Scheduler } from "../../run/scheduler.ts";
import { executor } from "../../run/typed-executor.ts";
import type { Balance, Store } from "../../store/contract.ts";
import { defineTask } from "../../task/definition.ts";
import type { BoundExecutor } from "../../task/executor.ts";
import { pause, unlessInterrupted } from "../interruption.ts";
import type { Printer } from "../printer.ts";
import { Progress } from "../progress.ts";
import type { Terminal } from "../terminal.ts";
import { latencyOf, type Measurement, rounded } from "./measurement.ts";
import type { ScratchPlace } from "./scratch-place.ts";
import { Starts } from "./starts.ts";

/** Enqueues under way at once, where the database takes more than one. */
const CLIENTS = 8;
/** Tasks of one transaction in bulk. */
const BULK = 500;
/** Enqueues that are timed one by one: as many as asked for, and no more than these. */
const MOST_SINGLE = 500;
/** Starts that are timed: a tenth of as many, and no more than these. */
const MOST_LATENCIES = 100;
/** Between two tasks for a worker, so that it has become idle: what comes while it looks is taken at once. */
const LONGEST_PAUSE_MS = 100;
/** Time for one kind of latency, whatever the number of tasks. */
const LATENCY_MS = 15_000;

/** The stores of a place differ, and so do the transactions of their schedulers; none is handed in here. */
type AnyScheduler = Scheduler<unknown, unknown, boolean>;

/** What is measured, and with what. */
export interface BenchPlan {
  readonly place: ScratchPlace;
  readonly tasks: number;
  readonly concurrency: number;
}

const benchTask = defineTask<{ readonly number: number; readonly text: string }>({ type: "bench" });
const dataOf = (number: number): { number: number; text: string } => ({ number, text: "x".repeat(80) });

/** Runs everything; rejects with an AbortError when it is interrupted. What it opened is closed either way. */
export async function measure(
  plan: BenchPlan,
  terminal: Terminal,
  printer: Printer,
): Promise<{ readonly measurements: readonly Measurement[]; readonly balance: Balance }> {
  const run = new Run(plan, terminal, printer);
  try {
    return await run.all();
  } finally {
    await run.close();
  }
}

class Run {
  readonly #plan: BenchPlan;
  readonly #terminal: Terminal;
  readonly #printer: Printer;
  readonly #opened: AnyScheduler[] = [];
  readonly #measurements: Measurement[] = [];
  #progress: Progress | null = null;

  constructor(plan: BenchPlan, terminal: Terminal, printer: Printer) {
    this.#plan = plan;
    this.#terminal = terminal;
    this.#printer = printer;
  }

  async all(): Promise<{ readonly measurements: readonly Measurement[]; readonly balance: Balance }> {
    const { tasks } = this.#plan;
    const { scheduler: enqueuer, store } = await this.#open([]);
    const single = Math.min(tasks, MOST_SINGLE);
    await this.#enqueue(enqueuer, "enqueue-one", "enqueue, one client", single, 1);
    if (!store.synchronous) {
      await this.#enqueue(enqueuer, "enqueue-clients", `enqueue, ${CLIENTS} clients`, single, CLIENTS);
    }
    await this.#enqueueBulk(enqueuer);
    await this.#drain(store);
    await this.#fastPathLatency();
    await this.#workerLatency(enqueuer);
    const balance = await store.balance();
    return { measurements: this.#measurements, balance };
  }

  /** Ends everything at once; what is unfinished is thrown away with the place. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#opened.map((scheduler) => scheduler.stop({ graceMs: 0 })));
  }

  async #open(
    executors: readonly BoundExecutor[],
    fastPath: "on" | "off" = "off",
  ): Promise<{ readonly scheduler: AnyScheduler; readonly store: Store }> {
    const store = await this.#plan.place.openStore();
    const scheduler: AnyScheduler = new Scheduler<unknown, unknown, boolean>({ store, executors, fastPath });
    this.#opened.push(scheduler);
    await unlessInterrupted(this.#terminal, scheduler.start());
    return { scheduler, store };
  }

  async #enqueue(
    scheduler: AnyScheduler,
    code: string,
    what: string,
    tasks: number,
    clients: number,
  ): Promise<void> {
    const times: number[] = [];
    let next = 0;
    const client = async (): Promise<void> => {
      while (next < tasks) {
        next += 1;
        const beganMs = this.#nowMs();
        await scheduler.enqueue(benchTask, dataOf(next));
        times.push(this.#nowMs() - beganMs);
        await this.#show(times.length);
      }
    };
    await this.#timed({ code, what, tasks, times }, async () => {
      await Promise.all(Array.from({ length: clients }, client));
    });
  }

  async #enqueueBulk(scheduler: AnyScheduler): Promise<void> {
    const { tasks } = this.#plan;
    await this.#timed({ code: "enqueue-bulk", what: `enqueue, ${BULK} a transaction`, tasks }, async () => {
      for (let from = 0; from < tasks; from += BULK) {
        const length = Math.min(BULK, tasks - from);
        const items = Array.from({ length }, (_, index) => ({ data: dataOf(from + index) }));
        await scheduler.transaction((tx) => tx.enqueueAll(benchTask, items));
        await this.#show(from + length);
      }
    });
  }

  async #drain(store: Store): Promise<void> {
    const tasks = await store.count("pending");
    let executed = 0;
    const { scheduler } = await this.#open([executor(benchTask, async () => void (executed += 1))]);
    const what = `drain, ${this.#plan.concurrency} at once`;
    await this.#timed({ code: "drain", what, tasks }, async () => {
      scheduler.startWorker({ concurrency: this.#plan.concurrency });
      while (executed < tasks || (await store.count("pending")) > 0) {
        await pause(this.#terminal, 2);
        await this.#show(executed);
      }
    });
    await scheduler.stop({ graceMs: 1_000 });
  }

  /** From the acknowledged commit to the start, in the process that enqueues. */
  async #fastPathLatency(): Promise<void> {
    const starts = new Starts(this.#terminal.ports.clock);
    const { scheduler } = await this.#open([executor(benchTask, starts.handler)], "on");
    await this.#latency("start-same-process", "commit to start, same process", scheduler, starts, 0);
    await scheduler.stop({ graceMs: 1_000 });
  }

  /** The same for a worker that has to be told, or to find out by itself. */
  async #workerLatency(enqueuer: AnyScheduler): Promise<void> {
    const starts = new Starts(this.#terminal.ports.clock);
    const { scheduler } = await this.#open([executor(benchTask, starts.handler)]);
    scheduler.startWorker();
    await this.#latency(
      "start-worker",
      "commit to start, an idle worker",
      enqueuer,
      starts,
      LONGEST_PAUSE_MS,
    );
    await scheduler.stop({ graceMs: 1_000 });
  }

  async #latency(
    code: string,
    what: string,
    scheduler: AnyScheduler,
    starts: Starts,
    pauseMs: number,
  ): Promise<void> {
    const tasks = Math.min(Math.ceil(this.#plan.tasks / 10), MOST_LATENCIES);
    const times: number[] = [];
    const untilMs = this.#nowMs() + LATENCY_MS;
    await this.#timed({ code, what, tasks, times, hasRate: false }, async () => {
      while (times.length < tasks && this.#nowMs() < untilMs) {
        await pause(this.#terminal, this.#terminal.ports.random.fraction() * pauseMs);
        const { taskId } = await scheduler.enqueue(benchTask, dataOf(times.length));
        const committedMs = this.#nowMs();
        const startedMs = await unlessInterrupted(this.#terminal, starts.of(taskId));
        // Many are started before whoever enqueued hears of its own commit.
        times.push(Math.max(startedMs - committedMs, 0));
        await this.#show(times.length);
      }
    });
  }

  async #timed(
    measured: {
      readonly code: string;
      readonly what: string;
      readonly tasks: number;
      readonly times?: readonly number[];
      readonly hasRate?: boolean;
    },
    work: () => Promise<void>,
  ): Promise<void> {
    const { code, what, times, hasRate = true } = measured;
    this.#progress = new Progress(this.#printer, this.#terminal, what.replace(/,.*/, ""), measured.tasks);
    const beganMs = this.#nowMs();
    try {
      await work();
    } finally {
      this.#progress.end();
    }
    const durationMs = this.#nowMs() - beganMs;
    const tasks = times?.length ?? measured.tasks;
    this.#measurements.push({
      code,
      what,
      tasks,
      durationMs: rounded(durationMs),
      perSecond: hasRate ? rounded((tasks / Math.max(durationMs, 0.001)) * 1_000) : null,
      latencyMs: times === undefined ? null : latencyOf(times),
    });
  }

  /** Says how far it is, and ends it when the terminal is interrupted. */
  async #show(done: number): Promise<void> {
    this.#progress?.show(done);
    // A synchronous store never waits, and a signal is heard only between turns of the event loop.
    await pause(this.#terminal, 0);
    this.#terminal.interrupted.throwIfAborted();
  }

  #nowMs(): number {
    return this.#terminal.ports.clock.monotonicMs();
  }
}
