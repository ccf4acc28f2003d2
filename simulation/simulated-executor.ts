// Executors that play the steps of the plan: they succeed, fail, hang, block, or take their process with them.
import { PermanentError, RetryAfterError } from "../src/errors.ts";
import { binaryExponential } from "../src/task/backoff.ts";
import { UndecodableDataError } from "../src/task/definition.ts";
import type { AttemptContext, BoundExecutor } from "../src/task/executor.ts";
import type { ClaimedTask } from "../src/task/task.ts";
import type { PlannedType, Step } from "./plan.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
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
    },
    run: (task, context) => execute(world, process, task, context),
  };
}

async function execute(
  world: World,
  process: SimulatedProcess,
  task: ClaimedTask,
  context: AttemptContext,
): Promise<void> {
  const { recorder, executions } = world;
  if (task.lostAttempts === 1) recorder.note("suspect executed");
  if (task.lostAttempts > 1) recorder.note("alone task executed");
  const execution = executions.start(process, task);
  const step = world.nextStep(task.taskId);
  try {
    await play(world, process, step, context.signal);
  } catch (error) {
    executions.returned(execution, error as Error); // the steps throw errors only
    throw error;
  }
  recorder.record(process, { kind: "effect", taskId: task.taskId, token: task.token });
  executions.returned(execution, null);
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
