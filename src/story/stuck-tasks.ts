/** Which pending tasks are stuck: due for a while, and nobody alive holds them. */
import type { RegisteredProcess } from "../store/contract.ts";
import type { Task } from "../task/task.ts";
import { isSilent, STUCK_AFTER_MS } from "./verdict.ts";

/** True for a task that is due for a minute or more and that no live process holds. */
export function isStuck(
  { nextAttemptAt, owner }: Task,
  processes: readonly RegisteredProcess[],
  now: Date,
): boolean {
  const holder = processes.find((process) => process.owner === owner);
  if (holder !== undefined && !isSilent(holder)) return false;
  return nextAttemptAt !== null && now.getTime() - nextAttemptAt.getTime() >= STUCK_AFTER_MS;
}
