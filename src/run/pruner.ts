/** The pruner: deletes settled tasks past their retention, and folds old roll-ups, in small batches, beside the work. */
import type { Ports } from "../ports/ports.ts";
import type { Store } from "../store/contract.ts";
import type { Availability } from "./availability.ts";
import type { Reporter } from "./reporter.ts";

/** Most tasks of one deletion. */
const BATCH = 500;
/** Time between two looks while there is nothing to delete; a quarter of it is drawn by chance, so that processes spread. */
const IDLE_MS = 60_000;
/** Time between two deletions while there is more. */
const BUSY_MS = 250;

/** What the pruner works with. */
interface PrunerParts {
  readonly store: Store;
  readonly availability: Availability;
  readonly reporter: Reporter;
  readonly retentionMs: number;
}

/** How long after the start of a worker it begins. */
export function firstPruneMs({ random }: Ports): number {
  return IDLE_MS * (0.75 + random.fraction() / 4);
}

/** Deletes one batch, and folds one of roll-ups; answers when to come back. */
export async function prune(parts: PrunerParts): Promise<number> {
  const delayMs = await pruneTasks(parts);
  if (delayMs === IDLE_MS) await foldRollUps(parts);
  return delayMs;
}

async function foldRollUps({ store, availability }: PrunerParts): Promise<void> {
  try {
    await store.foldRollUps();
    availability.succeeded("fold roll-ups");
  } catch (error) {
    availability.failed("fold roll-ups", error);
  }
}

async function pruneTasks(parts: PrunerParts): Promise<number> {
  const { store, availability, reporter, retentionMs } = parts;
  try {
    const pruned = await store.prune({ olderThanMs: retentionMs, limit: BATCH });
    availability.succeeded("prune");
    if (pruned > 0) reporter.report("prune.done", { tasks: pruned });
    return pruned >= BATCH ? BUSY_MS : IDLE_MS;
  } catch (error) {
    availability.failed("prune", error);
    return IDLE_MS;
  }
}
