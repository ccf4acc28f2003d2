/** Whether this process can do its part, from what it knows already: for a health check that asks no database. */
import type { Engine } from "./engine.ts";
import type { Slots } from "./slots.ts";

/** What `scheduler.health()` answers. */
export interface SchedulerHealth {
  /** False while something is wrong with this process or its way to the database. */
  readonly isHealthy: boolean;
  /** What is wrong, a sentence each, for people; empty while it is healthy. */
  readonly problems: readonly string[];
}

/** Zombies in this part of the slots and the process is not healthy: more would be written off beyond it. */
const ZOMBIE_PART = 1 / 2;

/** What is wrong with this process now. */
export function healthOf({
  process,
  availability,
  fastPath,
  worker,
  isStarted,
  isStopping,
}: Engine): SchedulerHealth {
  const problems: string[] = [];
  if (isStopping) problems.push("the scheduler is stopping or stopped");
  else if (!isStarted) problems.push("the scheduler is not started");
  else if (process.owner === null)
    problems.push("this process is not registered: the database has not answered yet");
  else if (!process.mayStart)
    problems.push("its lease has run out: heartbeats do not come through, so nothing is started");
  for (const { operation, failingForMs } of availability.failing())
    problems.push(
      `${operation} has been failing for ${Math.round(failingForMs / 1_000)} s, it is tried again`,
    );
  problems.push(...zombiesIn("worker", worker?.slots ?? null), ...zombiesIn("fast path", fastPath.slots));
  return { isHealthy: problems.length === 0, problems };
}

function zombiesIn(name: string, slots: Slots | null): string[] {
  if (slots === null || slots.zombies < Math.max(slots.total * ZOMBIE_PART, 1)) return [];
  const held = `${slots.zombies} of the ${slots.total} slots of the ${name}`;
  return [`${held} are held by executors that ignored their timeout: they heed no signal`];
}
