// The random mix: twenty clients, four workers, faults drawn by chance; then peace, rest, and the verdict.
import { setTimeout as delay } from "node:timers/promises";
import { check, type Percentiles, type Report } from "../../checker/check.ts";
import type { History } from "../../checker/history.ts";
import { recoveryTimesMs } from "../../checker/rules/recovery.ts";
import { timelineOf } from "../../checker/timeline.ts";
import { seededRandom } from "../../src/testing/seeded-random.ts";
import type { Child } from "../child.ts";
import { FakeClock } from "../fake-clock.ts";
import { unmetNeed } from "../needs.ts";
import { knownKinds } from "../process/kinds.ts";
import type { Rig } from "../rig.ts";
import { RunPostgres } from "../run-postgres.ts";
import { Stage } from "../stage.ts";
import { until } from "../until.ts";
import { type Crew, deeds, drawDeed } from "./deeds.ts";

/** How a mix is run. */
export interface MixOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly clients?: number;
  readonly workers?: number;
  /** Tells what happens, a line each. */
  readonly tell?: (line: string) => void;
  /** Is shown the folder of the run, history and outputs of processes, before it is swept away. */
  readonly keep?: (folder: string) => void;
}

/** What came out. */
export interface MixResult {
  readonly seed: number;
  readonly minutes: number;
  readonly report: Report;
  /** Deeds by their id in the catalogue. */
  readonly deeds: Readonly<Record<string, number>>;
  /** From a kill to the next claim of what the victim held: kills of workers, one pair at a time, and no other fault. */
  readonly recoveryMs: Percentiles;
  /** From the end of an outage of ten seconds, with no other fault, to the first change of each task that was held up. */
  readonly afterOutageMs: Percentiles;
  /** From the peace to the end of the last task. */
  readonly restMs: number;
  readonly skipped: string | null;
  /** Processes that ended although nobody ended them, with what they said last. */
  readonly endedByThemselves: Readonly<Record<string, string>>;
}

/** Kinds of tasks that clients enqueue. */
const enqueued = ["work", "receipt", "webhook", "strict", "slow"];

/** Runs it. */
export async function runMix(rig: Rig, options: MixOptions): Promise<MixResult> {
  const settings = {
    leaseMs: 15_000,
    pollIntervalMs: 1_000,
    concurrency: 20,
    maxLostAlone: 5,
    graceMs: 10_000,
    attemptTimeoutMs: 60_000,
  };
  const server = await rig.newServer();
  try {
    await using stage = new Stage(rig, settings, (nemesis) => new RunPostgres(server, nemesis));
    await stage.postgres.create(true);
    return await mixed(stage, options);
  } finally {
    await rig.dropServer(server);
  }
}

async function mixed(stage: Stage, options: MixOptions): Promise<MixResult> {
  const { minutes, seed, tell = () => undefined } = options;
  const { crew, names } = crewOf(stage, options);
  for (let first = 0; first < names.length; first += 6) {
    await Promise.all(names.slice(first, first + 6).map((name) => crew.start(name)));
  }
  for (const name of names) crew.free.add(name);
  tell(`${names.length} processes are up; seed ${seed}`);
  const done = await disturb(crew, minutes * 60_000, tell);
  tell("measuring");
  const measured = await measure(crew);
  crew.isOver = true;
  const peaceMs = performance.now();
  stage.quiet();
  tell("peace");
  const alive = stage.children.filter(({ isAlive }) => isAlive);
  await stage.endLoad(alive.filter(({ name }) => name.startsWith("client")));
  await stage.rest(180_000);
  const restMs = performance.now() - peaceMs;
  await stage.endAll();
  const history = await stage.history();
  stage.keepHistory(history);
  options.keep?.(stage.folder);
  tell(`at rest after ${Math.round(restMs)} ms; checking ${history.processes.length} events`);
  return {
    seed,
    minutes,
    report: check(history),
    deeds: done,
    recoveryMs: recoveryAfter(history, measured.killsFromMs),
    afterOutageMs: percentilesOf(firstChanges(history, measured.upMs)),
    restMs,
    endedByThemselves: endedByThemselves(stage),
    skipped: crew.clocks.size === 0 ? `no clock jumps: ${unmetNeed(["faketime"]) ?? "none"}` : null,
  };
}

function crewOf(
  stage: Stage,
  { clients = 20, workers = 4, seed }: MixOptions,
): { readonly crew: Crew; readonly names: readonly string[] } {
  const names = [
    ...Array.from({ length: workers }, (_, index) => `worker-${index + 1}`),
    ...Array.from({ length: clients }, (_, index) => `client-${index + 1}`),
  ];
  const hasFakeTime = unmetNeed(["faketime"]) === null;
  const clocks = new Map(
    names.filter(() => hasFakeTime).map((name) => [name, new FakeClock(stage, name)] as const),
  );
  const start = async (name: string): Promise<Child> => {
    const child = await startOne(name);
    void child.ended.then(() => revive(crew, child)).catch(() => undefined);
    return child;
  };
  const startOne = async (name: string): Promise<Child> => {
    const clock = clocks.get(name);
    const common = { proxied: true, ...(clock === undefined ? {} : { environment: clock.environment }) };
    if (name.startsWith("worker")) return await stage.worker(name, common);
    // Half of the clients execute what they enqueue; every third uses a pool of its own.
    const number = Number(name.slice("client-".length));
    const kinds = number % 2 === 0 ? knownKinds : null;
    const client = await stage.client(name, { ...common, kinds, poolSize: number % 3 === 0 ? null : 4 });
    await stage.load([client], { everyMs: 250, kinds: enqueued, runMs: 1_500, failing: 0.1 });
    return client;
  };
  const crew: Crew = {
    stage,
    random: seededRandom(seed),
    clocks,
    free: new Set(),
    isUp: true,
    isOver: false,
    start,
  };
  return { crew, names };
}

/** Starts anew what ended by itself, as a supervisor would: it is told at the end, and must not empty the stage. */
async function revive(crew: Crew, { name }: Child): Promise<void> {
  // Whoever is not free is being harmed: the deed starts it again.
  if (crew.isOver || !crew.free.delete(name)) return;
  await until("the server is up", () => crew.isUp, 120_000);
  if (!crew.isOver) await crew.start(name);
  crew.free.add(name);
}

/** How long recovery takes by itself: an outage of ten seconds, then kills of two workers at once, all under load. */
async function measure(crew: Crew): Promise<{ readonly upMs: number; readonly killsFromMs: number }> {
  const { stage } = crew;
  await delay(stage.settings.leaseMs);
  await stage.postgres.down();
  await delay(10_000);
  await stage.postgres.up();
  const upMs = Date.now();
  await delay(2 * stage.settings.leaseMs);
  const killsFromMs = Date.now();
  for (let round = 0; round < 2; round += 1) {
    const victims = stage.children
      .filter(({ isAlive, name }) => isAlive && name.startsWith("worker"))
      .slice(0, 2);
    for (const { name } of victims) crew.free.delete(name);
    await Promise.all(victims.map((victim) => stage.kill(victim)));
    await delay(1_000);
    await Promise.all(victims.map(({ name }) => crew.start(name)));
    for (const { name } of victims) crew.free.add(name);
    await delay(stage.settings.leaseMs + 7_000);
  }
  return { upMs, killsFromMs };
}

/** Draws deeds for a time, several going on at once, and waits until all of them are made good. */
async function disturb(
  crew: Crew,
  forMs: number,
  tell: (line: string) => void,
): Promise<Record<string, number>> {
  const done: Record<string, number> = {};
  const underWay = new Set<Promise<void>>();
  const failures: unknown[] = [];
  const untilMs = performance.now() + forMs;
  const possible = crew.clocks.size === 0 ? deeds.filter(({ id }) => id !== "F75") : deeds;
  await delay(2_000);
  while (performance.now() < untilMs) {
    const deed = drawDeed(crew.random.fraction(), possible);
    done[deed.id] = (done[deed.id] ?? 0) + 1;
    tell(deed.id);
    const work: Promise<void> = deed
      .run(crew)
      .catch((error: unknown) => void failures.push(error))
      .finally(() => underWay.delete(work));
    underWay.add(work);
    await delay(1_000 + crew.random.fraction() * 4_000);
  }
  await Promise.all(underWay);
  if (failures.length > 0)
    throw new AggregateError(failures, `deeds of the mix failed: ${String(failures[0])}`);
  return done;
}

function endedByThemselves(stage: Stage): Record<string, string> {
  const ended = new Set<string>();
  for (const { action } of stage.nemesis.events) {
    if (action.kind === "kill") ended.add(`${action.process}.${action.boot}`);
  }
  for (const { event, process: name, boot } of stage.events()) {
    if (event.kind === "stop.begin") ended.add(`${name}.${boot}`);
  }
  return Object.fromEntries(
    stage.children
      .filter(({ name, boot }) => !ended.has(`${name}.${boot}`))
      .map(({ name, boot }) => [`${name}.${boot}`, stage.output(name).slice(-2_000)]),
  );
}

function recoveryAfter(history: History, killsFromMs: number): Percentiles {
  const nemesis = history.nemesis.filter(({ atMs, action }) => action.kind !== "kill" || atMs >= killsFromMs);
  return percentilesOf(recoveryTimesMs(timelineOf({ ...history, nemesis })));
}

/** How long after an instant each task changed that stood before it, within the lease. */
function firstChanges({ audit, settings }: History, fromMs: number): readonly number[] {
  const stood = new Set<string>();
  const times: number[] = [];
  for (const { atMs, change } of audit) {
    if (!("taskId" in change)) continue;
    if (atMs < fromMs) {
      if (change.kind === "pending.delete") stood.delete(change.taskId);
      else if (change.kind.startsWith("pending")) stood.add(change.taskId);
    } else if (stood.delete(change.taskId) && atMs < fromMs + settings.leaseMs) times.push(atMs - fromMs);
  }
  return times.sort((left, right) => left - right);
}

function percentilesOf(sorted: readonly number[]): Percentiles {
  const at = (part: number): number | null =>
    sorted[Math.max(Math.ceil(sorted.length * part) - 1, 0)] ?? null;
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}

/** The figures as lines. */
export function mixText(result: MixResult): string {
  const { report, deeds: done, afterOutageMs, restMs, seed, skipped, endedByThemselves } = result;
  const { counts } = report;
  const times = ({ count, p50, p99, max }: Percentiles): string => {
    const ms = (value: number | null): string => (value === null ? "-" : `${(value / 1_000).toFixed(2)} s`);
    return `p50 ${ms(p50)}, p99 ${ms(p99)}, max ${ms(max)} (${count})`;
  };
  const alibis = Object.entries(counts.alibis)
    .map(([name, count]) => `${name} ${count}`)
    .join(", ");
  return [
    `seed ${seed}; deeds: ${Object.entries(done)
      .map(([id, count]) => `${id} ${count}`)
      .join(", ")}`,
    ...Object.entries(endedByThemselves).map(([name, output]) => `${name} ended by itself:\n${output}`),
    ...(skipped === null ? [] : [`skipped: ${skipped}`]),
    `tasks ${counts.tasks}, executions ${counts.executions}, lost ${counts.lost}, phantom ${counts.phantom}, unknown enqueues that stand ${counts.recovered}`,
    `duplicates with an alibi ${counts.withAlibi} (${alibis || "none"}), without ${counts.withoutAlibi}`,
    `recovery after SIGKILL, no other fault: ${times(result.recoveryMs)}`,
    `recovery after SIGKILL in the mix, outages included: ${times(counts.recoveryMs)}`,
    `first change of each waiting task after an outage of 10 s, no other fault: ${times(afterOutageMs)}`,
    `at rest ${(restMs / 1_000).toFixed(1)} s after the peace`,
  ].join("\n");
}
