/** The words in which the laws of adapters are written: one scheduler on the harness, and what it has executed. */
import assert from "node:assert/strict";
import type { CommittedWork } from "../../adapters/committed-work.ts";
import { realPorts } from "../../ports/real-ports.ts";
import type { Receipt } from "../../run/enqueue.ts";
import type { ExecutionAnswer } from "../../run/funnel.ts";
import type { EnqueueOptions } from "../../run/new-record.ts";
import { Scheduler } from "../../run/scheduler.ts";
import { within } from "../../run/sleep.ts";
import { runSteps, runStepsSync, type Steps, step } from "../../run/steps.ts";
import { executor } from "../../run/typed-executor.ts";
import type { Awaitable } from "../../store/contract.ts";
import { defineTask } from "../../task/definition.ts";
import type { ClaimedTask } from "../../task/task.ts";
import type { AdapterCapability, AdapterHarness, CallerIsolation } from "./adapter-harness.ts";

/** Data of the tasks of the laws. */
export interface AdapterTaskData {
  readonly text: string;
}

/** One promise of an adapter, named in the present tense. */
export interface AdapterLaw {
  readonly name: string;
  readonly needs: readonly AdapterCapability[];
  /** Rejects when the law is broken. */
  run(scene: AdapterScene): Promise<void>;
}

/** Makes a law. */
export function adapterLaw(
  name: string,
  run: AdapterLaw["run"],
  ...needs: readonly AdapterCapability[]
): AdapterLaw {
  return Object.freeze({ name, run, needs });
}

/** Tasks of the laws. */
export const adapterTask = defineTask<AdapterTaskData>({ type: "adapter.task" });
/** The type of tasks that are made of bytes; nobody executes it. */
export const RAW_TYPE = "adapter.bytes";

/** The watch over born claims looks after a sixth of this; a law that needs it to is broken. */
const LEASE_MS = 600_000;
/** How long an execution is waited for. */
const PATIENCE_MS = 5_000;

/** A scheduler on the harness of one law. */
export class AdapterScene {
  readonly harness: AdapterHarness;
  readonly scheduler: Scheduler<unknown, unknown>;
  readonly #executed: string[] = [];
  readonly #waiting = new Map<string, () => void>();

  constructor(harness: AdapterHarness) {
    this.harness = harness;
    this.scheduler = new Scheduler<unknown, unknown>({
      store: harness.store,
      executors: [executor(adapterTask, ({ taskId }) => this.#execute(taskId))],
      leaseMs: LEASE_MS,
    });
  }

  /** Ids of the tasks that were executed, in order. */
  get executed(): readonly string[] {
    return this.#executed;
  }

  /** Enqueues one task as the library's users do. */
  enqueue(transaction: unknown, taskId: string, text = taskId): Awaitable<Receipt> {
    const options: EnqueueOptions = { taskId };
    return this.harness.synchronous
      ? this.#synchronous.enqueueSync(transaction, adapterTask, { text }, options)
      : this.scheduler.enqueue(transaction, adapterTask, { text }, options);
  }

  /** Enqueues many tasks in one call. */
  enqueueAll(transaction: unknown, taskIds: readonly string[]): Awaitable<readonly Receipt[]> {
    const items = taskIds.map((taskId) => ({ taskId, data: { text: taskId } }));
    return this.harness.synchronous
      ? this.#synchronous.enqueueAllSync(transaction, adapterTask, items)
      : this.scheduler.enqueueAll(transaction, adapterTask, items);
  }

  /** A transaction of the library, whose body runs synchronously where it has to. */
  transaction<Value>(
    body: (transaction: unknown) => Steps<Value>,
    isolation?: CallerIsolation,
  ): Promise<Value> {
    return this.harness.transaction((transaction) => this.#run(body(transaction)), isolation);
  }

  /** A transaction that the library rolls back. */
  rolledBack(body: (transaction: unknown) => Steps<unknown>): Promise<void> {
    return this.harness.rolledBack((transaction) => this.#run(body(transaction)));
  }

  /** The adapter's own `transaction`. */
  committedWork<Value>(
    body: (transaction: unknown) => Steps<Value>,
    isolation?: CallerIsolation,
  ): Promise<CommittedWork<Value>> {
    const work = (transaction: unknown): Awaitable<Value> => this.#run(body(transaction));
    return this.harness.committedWork(this.scheduler, work, isolation);
  }

  /** A nested transaction whose body throws at its end, which the outer one survives. */
  *failedNested(transaction: unknown, body: (nested: unknown) => Steps<unknown>): Steps<void> {
    const failure = new Error("the nested transaction fails");
    try {
      yield* step(
        this.harness.nested(transaction, (nested) =>
          this.#run(
            (function* (): Steps<void> {
              yield* body(nested);
              throw failure;
            })(),
          ),
        ),
      );
    } catch (error) {
      assert.ok(isOrWraps(error, failure), `the nested failure comes through, and not ${String(error)}`);
      return;
    }
    assert.fail("the failure of a nested transaction comes through");
  }

  /** A nested transaction that succeeds. */
  nested<Value>(transaction: unknown, body: (nested: unknown) => Steps<Value>): Steps<Value> {
    return step(this.harness.nested(transaction, (nested) => this.#run(body(nested))));
  }

  /** Rejects unless exactly these tasks stand and exactly these business rows are committed. */
  async assertStands(taskIds: readonly string[], keys: readonly string[]): Promise<void> {
    const { store } = this.harness;
    const standing = new Set<string>();
    for (const state of ["pending", "confirmed"] as const) {
      const page = await store.list({ state, limit: 1_000, order: "ascending" });
      for (const { taskId } of page.tasks) standing.add(taskId);
    }
    assert.deepEqual([...standing].sort(), [...taskIds].sort(), "exactly these tasks stand");
    assert.deepEqual([...(await this.harness.writtenKeys())].sort(), [...keys].sort(), "with these rows");
  }

  /** Claims a task as a process that nobody else knows. */
  async claimed(taskId: string): Promise<ClaimedTask> {
    const { store } = this.harness;
    const owner = "7000000000000000001";
    await store.register({ owner, host: "host", pid: 1, types: "all", slots: 1, leaseMs: LEASE_MS });
    const [task] = await store.claimById({
      owner,
      claim: 1,
      liveClaims: [],
      taskIds: [taskId],
      types: "all",
    });
    assert.ok(task !== undefined, `"${taskId}" is claimed`);
    return task;
  }

  /** Answers of the fast path for these receipts. */
  tryExecuteNow(...receipts: readonly Receipt[]): Promise<readonly ExecutionAnswer[]> {
    return this.scheduler.tryExecuteNow(receipts);
  }

  /** Resolves once the task was executed. Rejects when that takes longer than any fast path. */
  async whenExecuted(taskId: string): Promise<void> {
    if (this.#executed.includes(taskId)) return;
    const execution = new Promise<void>((resolve) => this.#waiting.set(taskId, resolve));
    const met = await within(realPorts.timers, execution, PATIENCE_MS);
    assert.equal(met, "done", `"${taskId}" is executed after its commit without anybody asking`);
  }

  get #synchronous(): Scheduler<unknown, unknown, true> {
    return this.scheduler as Scheduler<unknown, unknown, true>; // the harness says so
  }

  #run<Value>(steps: Steps<Value>): Awaitable<Value> {
    return this.harness.synchronous ? runStepsSync(steps) : runSteps(steps);
  }

  #execute(taskId: string): void {
    this.#executed.push(taskId);
    this.#waiting.get(taskId)?.();
  }
}

/** Whether an error is `wanted`, or one of a library around it. */
export function isOrWraps(error: unknown, wanted: Error): boolean {
  for (let inner = error; inner instanceof Error; inner = inner.cause) if (inner === wanted) return true;
  return false;
}
