/** Runs what a scheduler owes now, without a worker: for an application's own tests. */
import type { ExecutionAnswer } from "../run/funnel.ts";
import type { Scheduler } from "../run/scheduler.ts";

/** One execution of `executeAll`. */
export interface ExecutedTask {
  readonly taskId: string;
  readonly answer: ExecutionAnswer;
}

/** Most executions of one `executeAll`, unless told otherwise. */
export const DEFAULT_MAX_EXECUTIONS = 10_000;

/**
 * Executes all due tasks of a scheduler, one after the other, oldest first, until none is due that it can execute; also
 * those that executors enqueue meanwhile. Starts the scheduler if need be. Tasks that wait for their backoff are not
 * due: let time pass and call it again. Answers every execution in order. Rejects after `maxExecutions` (default
 * 10,000), since tasks that enqueue each other would never end.
 */
export async function executeAll<Transaction, Api, Synchronous extends boolean>(
  scheduler: Scheduler<Transaction, Api, Synchronous>,
  options: { readonly maxExecutions?: number } = {},
): Promise<readonly ExecutedTask[]> {
  const maxExecutions = options.maxExecutions ?? DEFAULT_MAX_EXECUTIONS;
  const executed: ExecutedTask[] = [];
  await scheduler.start();
  for (;;) {
    const before = executed.length;
    for await (const taskId of dueTaskIds(scheduler)) {
      const answer = await scheduler.executeAndAdvance(taskId);
      if (answer === "notClaimed") continue;
      executed.push({ taskId, answer });
      if (executed.length > maxExecutions) throw new Error(`more than ${maxExecutions} tasks were executed`);
    }
    if (executed.length === before) return executed;
  }
}

async function* dueTaskIds<Transaction, Api, Synchronous extends boolean>(
  scheduler: Scheduler<Transaction, Api, Synchronous>,
): AsyncGenerator<string> {
  let cursor: string | undefined;
  do {
    const page = await scheduler.list({ state: "pending", ready: true, cursor });
    for (const { taskId } of page.tasks) yield taskId;
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
}
