// Executors that play the steps of the plan: they succeed, fail, hang, block, or take their process with them.
import { PermanentError, RetryAfterError } from "../src/errors.ts";
import { binaryExponential } from "../src/task/backoff.ts";
import { UndecodableDataError } from "../src/task/definition.ts";
import type { AttemptHost, BoundExecutor } from "../src/task/executor.ts";
import type { ClaimedTask } from "../src/task/task.ts";
import type { PlannedType, Step } from "./plan.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import { effectKey } from "./table-of-effects.ts";
import type { WireTransaction } from "./wire-transaction.ts";
import type { World } from "./world.ts";

/** The executor of a type in one process. */
export function simulatedExecutor(world: World, process: SimulatedProcess, type: PlannedType): BoundExecutor {
  return {
    type: type.name,
    retry: {
      maxFailedAttempts: type.maxFailedAttempts,
      backoff: binaryExponential({ baseMs: type.baseMs, maxDelayMs: type.maxDelayMs, jitter: 0.1 }),
    },
    options: {
      timeoutMs: type.timeoutMs,
      ...(type.concurrency === null ? {} : { concurrency: type.concurrency }),
      concurrencyPerKey: type.concurrencyPerKey,
      breaker: type.breaker,
    },
    run: (task, host) =>
      execute(world, process, task, async (step) => {
        if (type.completion === "tx") {
          const work = async (tx: unknown): Promise<void> => {
            await writeEffect(task, tx as WireTransaction); // the wire begins no others
            await play(world, process, step, host.signal);
          };
          await host.transact(work, {});
        } else if (type.completion === "complete") {
          await completeAlone(world, process, task, step, host);
        } else {
          await play(world, process, step, host.signal);
          const { taskId, token } = task;
          world.recorder.record(process, { kind: "effect", taskId, token });
        }
      }),
  };
}

async function execute(
  world: World,
  process: SimulatedProcess,
  task: ClaimedTask,
  run: (step: Step) => Promise<void>,
): Promise<void> {
  const { recorder, executions } = world;
  if (task.lostAttempts === 1) recorder.note("suspect executed");
  if (task.lostAttempts > 1) recorder.note("alone task executed");
  const execution = executions.start(process, task);
  executions.checkKey(execution, world.plan.types);
  try {
    await run(world.nextStep(task.taskId));
  } catch (error) {
    executions.returned(execution, error as Error); // the steps throw errors only
    throw error;
  }
  executions.returned(execution, null);
}

/** A row of its own for each execution: a second one for a task would be seen. Written first, so that it can be undone. */
async function writeEffect({ taskId, token }: ClaimedTask, tx: WireTransaction): Promise<void> {
  await tx.put(effectKey(taskId, token), 1);
}

/** How long a database lets a transaction be idle whose executor heeds nothing. */
const IDLE_MS = 2_000;

/** The executor opens its transaction itself, and completes the task in it. */
async function completeAlone(
  world: World,
  process: SimulatedProcess,
  task: ClaimedTask,
  step: Step,
  host: AttemptHost<unknown>,
): Promise<void> {
  const { api: tx } = await world.cluster.storeOf(process).begin();
  const endIdle = (): void => void process.ports.timers.after(IDLE_MS, () => void tx.rollback());
  if (step.kind === "hang" && host.signal.aborted) endIdle();
  else if (step.kind === "hang") host.signal.addEventListener("abort", endIdle, { once: true });
  try {
    await writeEffect(task, tx);
    await play(world, process, step, host.signal);
    await host.complete(tx);
  } catch (error) {
    await tx.rollback();
    throw error;
  }
  await tx.commit();
}

async function play(world: World, process: SimulatedProcess, step: Step, signal: AbortSignal): Promise<void> {
  if (step.runMs > 0) await run(process, step, signal);
  switch (step.kind) {
    case "succeed":
      return;
    case "fail":
      throw new Error("the step says so");
    case "permanent":
      throw new PermanentError("the step says so");
    case "retryAfter":
      throw new RetryAfterError(step.extraMs);
    case "undecodable":
      throw new UndecodableDataError("the step says so");
    case "hang":
      return await new Promise(() => undefined);
    case "kill":
      world.cluster.crash(process, world.plan.leaseMs / 4);
      return await new Promise(() => undefined);
    case "block":
      world.recorder.note("event loop blocked");
      world.cluster.pause(process, step.extraMs);
      return await new Promise((resolve) => process.ports.timers.after(0, resolve));
  }
}

function run(process: SimulatedProcess, step: Step, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = process.ports.timers.after(step.runMs, resolve);
    if (!step.heedsSignal) return;
    const abort = (): void => {
      timer.cancel();
      reject(signal.reason as Error); // the engine aborts with an Error
    };
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}
