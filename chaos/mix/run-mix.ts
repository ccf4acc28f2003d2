// The random mix: twenty clients, four workers, faults drawn by chance; then peace, rest, and the verdict.
import { setTimeout as delay } from "node:timers/promises";
import { check } from "../../checker/check.ts";
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
import { figuresOf } from "./figures.ts";
import { measure } from "./measure.ts";
import type { MixReport } from "./mix-report.ts";

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

/** Kinds of tasks that clients enqueue. */
const enqueued = ["work", "receipt", "webhook", "strict", "slow"];

/** Runs it. */
export async function runMix(rig: Rig, options: MixOptions): Promise<MixReport> {
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

async function mixed(stage: Stage, options: MixOptions): Promise<MixReport> {
  const { minutes, seed, clients = 20, workers = 4, tell = () => undefined } = options;
  const { crew, names } = crewOf(stage, { clients, workers, seed });
  for (let first = 0; first < names.length; first += 6) {
    await Promise.all(names.slice(first, first + 6).map((name) => crew.start(name)));
  }
  for (const name of names) crew.free.add(name);
  tell(`${names.length} processes are up; seed ${seed}`);
  const done = await disturb(crew, minutes * 60_000, tell);
  tell("measuring");
  await measure(crew, Math.max(2, Math.round(minutes / 2)));
  crew.isOver = true;
  const peaceMs = performance.now();
  stage.quiet();
  tell("peace");
  const alive = stage.children.filter(({ isAlive }) => isAlive);
  await stage.endLoad(alive.filter(({ name }) => name.startsWith("client")));
  await stage.rest(180_000);
  const restMs = performance.now() - peaceMs;
  const slotsLost = await takenSlots(stage);
  await stage.endAll();
  const history = await stage.history();
  stage.keepHistory(history);
  options.keep?.(stage.folder);
  tell(`at rest after ${Math.round(restMs)} ms; checking ${history.processes.length} events`);
  const { verdicts, violations, counts } = check(history);
  const ended = endedByThemselves(stage);
  const skipped = crew.clocks.size === 0 ? `no clock jumps: ${unmetNeed(["faketime"]) ?? "none"}` : null;
  const driver = {
    restarts: stage.postgres.restarts,
    processExits: Object.keys(ended).length,
    slotsLost,
  };
  return {
    runs: [{ seed, minutes, clients, workers, restMs, skipped, endedByThemselves: ended }],
    deeds: done,
    figures: figuresOf(timelineOf(history), counts, driver),
    verdicts,
    violations,
  };
}

/** Slots that are still taken although nothing is left to be done; executors get a moment to return. */
async function takenSlots({ children }: Stage): Promise<number> {
  let taken = 0;
  const count = async (): Promise<boolean> => {
    const alive = children.filter(({ isAlive }) => isAlive);
    const slots = await Promise.all(alive.map((child) => child.ask({ do: "slots" })));
    taken = slots.reduce<number>((sum, one) => sum + Number(one), 0);
    return taken === 0;
  };
  await until("all slots are free", count, 10_000).catch(() => undefined);
  return taken;
}

function crewOf(
  stage: Stage,
  { clients, workers, seed }: { readonly clients: number; readonly workers: number; readonly seed: number },
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
    tell(deed.id);
    const work: Promise<void> = deed
      .run(crew)
      .then((isDone) => {
        if (isDone) done[deed.id] = (done[deed.id] ?? 0) + 1;
      })
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
