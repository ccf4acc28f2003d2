// Plays a scripted run by chance: a small engine of a few workers, with kills, pauses, outages and operators that end in quiet.
import type { RandomSource } from "../../src/ports/ports.ts";
import { seededRandom } from "../../src/testing/seeded-random.ts";
import { RandomNode } from "./random-node.ts";
import { ScriptedRun } from "./scripted-run.ts";

/** What a random run does. */
export interface RandomRunOptions {
  readonly seed: number;
  readonly nodes?: number;
  /** Until when tasks are enqueued and faults happen. */
  readonly forMs?: number;
  /** Tasks a second. */
  readonly tasksPerSecond?: number;
  readonly hasFaults?: boolean;
}

const TICK_MS = 10;

/** A run that breaks no law. */
export function randomRun(options: RandomRunOptions): ScriptedRun {
  const { seed, nodes = 3, forMs = 30_000, tasksPerSecond = 10, hasFaults = true } = options;
  const run = new ScriptedRun();
  const random = seededRandom(seed);
  const cluster = Array.from({ length: nodes }, (_, index) => new RandomNode(run, `n${index}`, random));
  const endMs = run.nowMs + forMs;
  let tasks = 0;
  while (run.nowMs < endMs) {
    run.pass(TICK_MS);
    for (const node of cluster) node.tick();
    if (hasFaults) disturb(run, cluster, random);
    if (!run.isDown && random.fraction() < (tasksPerSecond * TICK_MS) / 1_000) {
      tasks += 1;
      pick(cluster, random)?.enqueue(`t${tasks}`);
    }
    if (random.fraction() < 0.002) operate(run, random);
  }
  bringToRest(run, cluster);
  return run;
}

function pick<Element>(elements: readonly Element[], random: RandomSource): Element | undefined {
  return elements[Math.floor(random.fraction() * elements.length)];
}

function disturb(run: ScriptedRun, cluster: readonly RandomNode[], random: RandomSource): void {
  const node = pick(cluster, random);
  const luck = random.fraction();
  if (node === undefined) return;
  if (luck < 0.001) node.kill(500 + random.fraction() * 3_000);
  else if (luck < 0.002) node.pause(1_000 + random.fraction() * 5_000);
  else if (luck < 0.0025 && !run.isDown) outage(run, cluster, 500 + random.fraction() * 5_000);
}

function outage(run: ScriptedRun, cluster: readonly RandomNode[], forMs: number): void {
  run.disturb({ kind: "database.down" });
  const untilMs = run.nowMs + forMs;
  while (run.nowMs < untilMs) {
    run.pass(TICK_MS);
    for (const node of cluster) node.tick();
  }
  run.disturb({ kind: "database.up" });
}

function operate(run: ScriptedRun, random: RandomSource): void {
  if (run.isDown) return;
  const pending = pick([...run.pending.keys()], random);
  if (pending !== undefined && random.fraction() < 0.5) run.cancel(pending);
  for (const [taskId, { state, atMs }] of run.settled) {
    if (state === "failed" && random.fraction() < 0.5) return run.redrive(taskId);
    if (state !== "failed" && run.nowMs - atMs > 60_000) return run.prune(taskId);
  }
}

function bringToRest(run: ScriptedRun, cluster: readonly RandomNode[]): void {
  run.disturb({ kind: "quiet" });
  for (let ticks = 0; run.pending.size > 0 || cluster.some((node) => !node.isUp); ticks += 1) {
    if (ticks > 100_000)
      throw new Error(`the random run does not come to rest: ${[...run.pending.keys()].join()}`);
    run.pass(TICK_MS);
    for (const node of cluster) node.tick();
  }
  for (const node of cluster) node.stop();
}
