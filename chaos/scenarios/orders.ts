// Short words for the tasks of scenarios.
import type { Script } from "../process/kinds.ts";
import type { TaskOrder } from "../process/messages.ts";

/** A task of the kind `work` that plays a script. */
export function order(taskId: string, script: Script = {}, kind = "work"): TaskOrder {
  return { taskId, kind, script };
}

/** Many of them: `prefix-1`, `prefix-2`, ... */
export function orders(
  prefix: string,
  count: number,
  script: Script = {},
  kind = "work",
): readonly TaskOrder[] {
  return Array.from({ length: count }, (_, index) => order(`${prefix}-${index + 1}`, script, kind));
}

/** The same, due later and later: one every `everyMs`. */
export function ordersOver(
  prefix: string,
  count: number,
  everyMs: number,
  script: Script = {},
): readonly TaskOrder[] {
  return orders(prefix, count, script).map((one, index) => ({ ...one, delayMs: index * everyMs }));
}
