// A worker process is frozen for longer than its lock or lease, and goes on as if nothing had been.
import { setTimeout as delay } from "node:timers/promises";
import { until } from "../../../chaos/until.ts";
import { monotonicMs } from "../evidence.ts";
import { EVERY_MS, type Fault, forEach, type Sizes, type Story, seconds, spread } from "../fault.ts";
import type { Team } from "../team.ts";

const WORK_MS = 3_000;

async function run(team: Team, { tasks, pauseMs, patienceMs }: Sizes): Promise<Story> {
  const loaded = team.load({ tasks, everyMs: EVERY_MS, workMs: WORK_MS });
  await delay(WORK_MS);
  await until("a worker executes something", () => team.busiest().inHand.length > 0);
  const { worker } = team.busiest();
  worker.signal("SIGSTOP");
  const atMs = monotonicMs();
  // What it had in hand when it really stopped: a moment later nothing of it can change any more.
  await delay(100);
  const isInHand = ({ pid, endMs }: { pid: number; endMs: number | null }): boolean =>
    pid === worker.pid && endMs === null;
  const inHand = team.executions().filter(isInHand);
  await delay(pauseMs);
  worker.signal("SIGCONT");
  const endMs = monotonicMs();
  await loaded;
  await team.settled(() => team.acknowledged.keys(), endMs + patienceMs);
  const executions = team.executions();
  const elsewhere = inHand.flatMap(({ task }) => {
    const other = executions.find((one) => one.task === task && one.pid !== worker.pid && one.startMs > atMs);
    return other === undefined || other.startMs > endMs ? [] : [other];
  });
  const both = elsewhere.filter(
    ({ task, endMs: doneMs }) =>
      doneMs !== null &&
      executions.some((one) => one.task === task && one.pid === worker.pid && one.endMs !== null),
  );
  const afterMs = elsewhere.map(({ startMs }) => startMs - atMs);
  return {
    owed: [...team.acknowledged.keys()],
    measuredMs: { startedElsewhereAfter: afterMs },
    findings: {
      "in hand when paused": String(inHand.length),
      "started elsewhere meanwhile": String(elsewhere.length),
      "pause until then, first / median / last": spread(afterMs),
      "completed by both": String(both.length),
    },
  };
}

/** Worker paused past its lock. */
export const pause: Fault = {
  name: "pause",
  title: "Worker paused past its lock",
  says: ({ tasks, pauseMs }) =>
    `${tasks} tasks of 3 s, five a second, three worker processes. After 3 s the one with the most tasks in hand is stopped by SIGSTOP for ${seconds(pauseMs)} and then continued. What that is to be compared with: a lease of 15 s (owed), a heartbeat of 10 s or an expiry of 15 min (pg-boss), a lock of 30 s or 10 s (BullMQ), a lock of 4 h (graphile-worker).`,
  workers: 3,
  isProxied: false,
  run: (_arena, teams, sizes) => forEach(teams, (team) => run(team, sizes)),
};
