// The server goes away: stopped as a whole, or each connection to it, again and again.
import { setTimeout as delay } from "node:timers/promises";
import type { Arena } from "../arena.ts";
import { monotonicMs } from "../evidence.ts";
import { EVERY_MS, type Fault, forEach, type Sizes, type Story, seconds } from "../fault.ts";
import type { Team } from "../team.ts";

/** Longer than any poll, so that every system has tasks in hand when the fault comes. */
const WORK_MS = 2_500;
const BEFORE_MS = 5_000;
const TERMINATE_EVERY_MS = 500;

/** When a fault began and ended. */
interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

async function story(team: Team, { startMs, endMs }: Span, patienceMs: number): Promise<Story> {
  await team.settled(() => team.acknowledged.keys(), endMs + patienceMs);
  const executions = team.executions();
  const firstMs = executions.find((one) => one.startMs > endMs && one.endMs !== null)?.endMs;
  const done = new Map<string, number>();
  for (const one of executions) {
    const earlierMs = done.get(one.task) ?? Number.POSITIVE_INFINITY;
    if (one.endMs !== null) done.set(one.task, Math.min(one.endMs, earlierMs));
  }
  const owed = [...team.acknowledged.keys()];
  const inHand = executions.filter(
    (one) => one.startMs < startMs && (one.endMs === null || one.endMs > startMs),
  );
  const doneMs = owed.map((task) => (done.get(task) ?? Number.POSITIVE_INFINITY) - endMs);
  const lastMs = Math.max(...doneMs);
  return {
    owed,
    measuredMs: {
      doneAfterFault: doneMs.filter((durationMs) => durationMs > 0 && Number.isFinite(durationMs)),
    },
    findings: {
      "in hand when it began": String(inHand.length),
      "end of the fault until the first execution is complete":
        typeof firstMs === "number" ? seconds(firstMs - endMs) : "–",
      "until all are": Number.isFinite(lastMs) ? seconds(Math.max(0, lastMs)) : "not all",
    },
  };
}

async function run(
  teams: readonly Team[],
  { tasks, patienceMs }: Sizes,
  fault: () => Promise<number>,
): Promise<ReadonlyMap<Team, Story>> {
  const loads = new Map(
    teams.map((team) => [team, team.load({ tasks, everyMs: EVERY_MS, workMs: WORK_MS })]),
  );
  await delay(BEFORE_MS);
  const startMs = monotonicMs();
  const endMs = await fault();
  return await forEach(teams, async (team) => {
    await Promise.race([loads.get(team), delay(patienceMs, undefined, { ref: false })]);
    return await story(team, { startMs, endMs }, patienceMs);
  });
}

/** How many tasks last until some time after the fault. */
const lasting = (sizes: Sizes, faultMs: number): number =>
  Math.max(sizes.tasks, Math.ceil((BEFORE_MS + faultMs + 5_000) / EVERY_MS));

async function outage(arena: Arena, { outageMs }: Sizes): Promise<number> {
  await arena.down();
  await delay(outageMs);
  await arena.up();
  return monotonicMs();
}

async function terminating(arena: Arena, { terminatingMs }: Sizes): Promise<number> {
  const endMs = monotonicMs() + terminatingMs;
  while (monotonicMs() < endMs) {
    await arena.terminateConnections();
    await delay(TERMINATE_EVERY_MS);
  }
  return monotonicMs();
}

/** Server stopped and started again. */
export const serverOutage: Fault = {
  name: "outage",
  title: "Server stopped while load goes on",
  says: (sizes) =>
    `${lasting(sizes, sizes.outageMs)} tasks of 2.5 s, five a second, two worker processes. After 5 s Postgres (immediate shutdown) and Redis (SIGKILL) are down for ${seconds(sizes.outageMs)}. The client retries each enqueue with its key every 250 ms until it is acknowledged.`,
  workers: 2,
  isProxied: false,
  run: (arena, teams, sizes) =>
    run(teams, { ...sizes, tasks: lasting(sizes, sizes.outageMs) }, () => outage(arena, sizes)),
};

/** Connections terminated again and again. */
export const terminatedConnections: Fault = {
  name: "terminate",
  title: "Connections terminated again and again",
  says: (sizes) =>
    `${lasting(sizes, sizes.terminatingMs)} tasks of 2.5 s, five a second, two worker processes. For ${seconds(sizes.terminatingMs)}, all connections are ended every 500 ms (pg_terminate_backend; CLIENT KILL), the client's own too, which retries as above.`,
  workers: 2,
  isProxied: false,
  run: (arena, teams, sizes) =>
    run(teams, { ...sizes, tasks: lasting(sizes, sizes.terminatingMs) }, () => terminating(arena, sizes)),
};
