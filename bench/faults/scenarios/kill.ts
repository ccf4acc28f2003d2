// Worker processes are killed while they execute.
import { setTimeout as delay } from "node:timers/promises";
import { until } from "../../../chaos/until.ts";
import type { Child } from "../child.ts";
import { type Execution, monotonicMs } from "../evidence.ts";
import { EVERY_MS, type Fault, forEach, type Sizes, type Story, spread } from "../fault.ts";
import type { Team } from "../team.ts";

const WORK_MS = 3_000;
const KILLS = 2;

/** A worker and what it was executing when it was killed. */
interface Hit {
  readonly worker: Child;
  readonly inHand: readonly Execution[];
  readonly atMs: number;
}

async function killed(team: Team): Promise<Hit> {
  await until("a worker executes something", () => team.busiest().inHand.length > 0);
  const { worker, inHand } = team.busiest();
  team.kill(worker);
  return { worker, inHand, atMs: monotonicMs() };
}

/** From the kill until the same task was started again by another process. */
function recoveries(team: Team, hits: readonly Hit[]): number[] {
  const executions = team.executions();
  return hits.flatMap(({ worker, inHand, atMs }) =>
    inHand.flatMap(({ task }) => {
      const again = executions.find(
        (one) => one.task === task && one.pid !== worker.pid && one.startMs > atMs,
      );
      return again === undefined ? [] : [again.startMs - atMs];
    }),
  );
}

async function run(team: Team, { tasks, patienceMs }: Sizes): Promise<Story> {
  const loaded = team.load({ tasks, everyMs: EVERY_MS, workMs: WORK_MS });
  const hits: Hit[] = [];
  for (let kills = 0; kills < KILLS; kills += 1) {
    await delay(WORK_MS);
    hits.push(await killed(team));
  }
  const deadlineMs = monotonicMs() + patienceMs;
  await loaded;
  await team.settled(() => team.acknowledged.keys(), deadlineMs);
  const recovered = recoveries(team, hits);
  const orphans = hits.flatMap(({ inHand }) => inHand).length;
  return {
    owed: [...team.acknowledged.keys()],
    findings: {
      "in hand when killed, started again": `${orphans}, ${recovered.length}`,
      "kill until started again, first / median / last": spread(recovered),
    },
    measuredMs: { recovered },
  };
}

/** Worker killed while executing. */
export const kill: Fault = {
  name: "kill",
  title: "Worker killed while executing",
  says: ({ tasks }) =>
    `${tasks} tasks of 3 s, five a second, three worker processes. Twice, 3 s apart, the one with the most tasks in hand is ended by SIGKILL; a new one is started 1 s later.`,
  workers: 3,
  isProxied: false,
  run: (_arena, teams, sizes) => forEach(teams, (team) => run(team, sizes)),
};
