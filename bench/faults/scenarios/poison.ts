// One task kills every process that executes it, beside healthy ones.
import { setTimeout as delay } from "node:timers/promises";
import { monotonicMs } from "../evidence.ts";
import { EVERY_MS, type Fault, forEach, type Sizes, type Story, seconds } from "../fault.ts";
import type { Team } from "../team.ts";

const WORK_MS = 2_000;
const POISON = "poison";

async function run(team: Team, { healthyTasks, patienceMs }: Sizes): Promise<Story> {
  const loaded = team.load({ tasks: healthyTasks, everyMs: EVERY_MS, workMs: WORK_MS });
  await delay(WORK_MS / 2);
  await team.enqueue({ task: POISON, workMs: WORK_MS, isPoison: true });
  const startMs = monotonicMs();
  await loaded;
  await team.settled(() => team.acknowledged.keys(), startMs + patienceMs);
  const standing = await team.surelyStanding();
  const executions = team.executions();
  const healthy = [...team.acknowledged.keys()].filter((task) => task !== POISON);
  const ends = healthy.map(
    (task) => executions.find((one) => one.task === task && one.endMs !== null)?.endMs ?? null,
  );
  const done = ends.filter((endMs) => endMs !== null);
  const isFailed = standing.failed.includes(POISON);
  const isPending = standing.pending.includes(POISON);
  const starts = executions.filter(({ task }) => task === POISON);
  return {
    owed: healthy,
    measuredMs: { poisonStarted: starts.map((one) => one.startMs - startMs) },
    findings: {
      "healthy tasks done": `${done.length} of ${healthy.length}`,
      "until all are, from the enqueue of the poison":
        done.length === healthy.length ? seconds(Math.max(...done) - startMs) : "not all",
      "starts of the poison": String(starts.length),
      "the poison ended as": isFailed ? "failed" : isPending ? "pending" : "gone",
    },
  };
}

/** A poison task. */
export const poison: Fault = {
  name: "poison",
  title: "A task that kills its process",
  says: ({ healthyTasks }) =>
    `${healthyTasks} tasks of 2 s, five a second, two worker processes; after 1 s one task that ends its process by SIGKILL 200 ms after its start, each time. A process that ended is started anew 1 s later.`,
  workers: 2,
  isProxied: false,
  run: (_arena, teams, sizes) => forEach(teams, (team) => run(team, sizes)),
};
