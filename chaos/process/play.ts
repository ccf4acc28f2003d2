// Plays the script of a task: what its executor does, kind or unkind.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { PermanentError, RetryAfterError } from "../../src/errors.ts";
import type { AttemptContext } from "../../src/task/executor.ts";
import type { Script } from "./kinds.ts";
import { thrownValue } from "./thrown-values.ts";

/** What a script can reach. */
export interface Surroundings {
  readonly gateFolder: string;
  /** Enqueues a task from within an executor. */
  readonly enqueueFollowUp: (taskId: string) => Promise<void>;
}

/** Plays one attempt. */
export async function play(
  script: Script,
  context: Pick<AttemptContext, "signal" | "attempt">,
  around: Surroundings,
): Promise<void> {
  const heeded = script.heedsSignal === false ? undefined : context.signal;
  if (script.runMs !== undefined) await delay(script.runMs, undefined, heeded && { signal: heeded });
  if (script.gate !== undefined) {
    const gate = join(around.gateFolder, script.gate);
    while (!existsSync(gate)) await delay(20, undefined, heeded && { signal: heeded });
  }
  if (script.followUp !== undefined) await around.enqueueFollowUp(script.followUp);
  const isOver = script.times !== undefined && context.attempt > script.times;
  if (!isOver) await end(script);
}

async function end(script: Script): Promise<void> {
  switch (script.end ?? "succeed") {
    case "succeed":
      return;
    case "fail":
      throw new Error("the script says so");
    case "permanent":
      throw new PermanentError("the script says so");
    case "retry-later":
      throw new RetryAfterError(300);
    case "hang":
      return await new Promise(() => undefined);
    case "block":
      return block(script.blockMs ?? 1_000);
    case "exit":
      process.exit(3);
      break;
    case "kill":
      process.kill(process.pid, "SIGKILL");
      return await new Promise(() => undefined);
    case "exhaust-memory":
      return exhaustMemory();
    case "throw":
      throw thrownValue(script.thrown ?? "undefined"); // eslint-disable-line typescript/only-throw-error -- that is the fault
  }
}

/** Holds the event loop, as a careless computation would. */
function block(forMs: number): void {
  const untilMs = performance.now() + forMs;
  while (performance.now() < untilMs) Math.hypot(1, 2);
}

/** Fills the heap until the runtime gives up. */
function exhaustMemory(): void {
  const kept: unknown[] = [];
  for (;;) kept.push(Array.from({ length: 10_000 }, (_, index) => ({ index })));
}
