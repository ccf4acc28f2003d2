// A node of a random run: it beats, observes, polls, executes and settles, all by the rules.
import type { RandomSource } from "../../src/ports/ports.ts";
import { type ScriptedProcess, start } from "./scripted-process.ts";
import { scriptedSettings } from "./scripted-rows.ts";
import type { ScriptedRun } from "./scripted-run.ts";

const SLOTS = 4;

type Outcome = "succeeded" | "failed" | "deferred";

interface Running {
  readonly taskId: string;
  readonly outcome: Outcome;
  readonly endsMs: number;
  isOver: boolean;
}

interface Sighting {
  readonly beats: number;
  readonly sinceMs: number;
}

/** A node, over all its lives. */
export class RandomNode {
  readonly #run: ScriptedRun;
  readonly #name: string;
  readonly #random: RandomSource;
  #process: ScriptedProcess | null = null;
  #startsMs: number;
  #resumesMs = 0;
  #isPaused = false;
  #sentMs = 0;
  #nextBeatMs = 0;
  #nextPollMs = 0;
  #running: Running[] = [];
  #sightings = new Map<string, Sighting>();

  constructor(run: ScriptedRun, name: string, random: RandomSource) {
    this.#run = run;
    this.#name = name;
    this.#random = random;
    this.#startsMs = run.nowMs;
  }

  get isUp(): boolean {
    return this.#process !== null && !this.#isPaused;
  }

  /** One turn of its event loop. */
  tick(): void {
    const { nowMs, isDown } = this.#run;
    if (this.#isPaused && nowMs >= this.#resumesMs) this.#resume();
    if (this.#process === null) {
      if (nowMs >= this.#startsMs && !isDown) this.#boot();
      return;
    }
    if (this.#isPaused) return;
    if (nowMs >= this.#nextBeatMs) this.#beat(this.#process);
    this.#finish(this.#process);
    if (nowMs >= this.#nextPollMs) this.#poll(this.#process);
  }

  /** A task comes in here, in a transaction of one of many kinds. */
  enqueue(taskId: string): void {
    const process = this.#process;
    if (process === null || this.#isPaused) return;
    const luck = this.#random.fraction();
    const type = this.#random.fraction() < 0.3 ? "payment" : "mail";
    const delayMs = this.#random.fraction() < 0.2 ? this.#random.fraction() * 2_000 : 0;
    if (luck < 0.05) process.enqueue([taskId], { type, ending: "rollback" });
    else if (luck < 0.08) process.enqueue([taskId], { type, ending: "vanished" });
    else if (luck < 0.1) process.enqueue([taskId, `${taskId}b`], { type, ending: "info" });
    else if (luck < 0.5 && delayMs === 0 && this.#mayStart && this.#canTakeMore()) {
      process.enqueue([taskId], { type, born: true });
      this.#begin(process, taskId);
    } else process.enqueue([taskId], { type, delayMs });
  }

  kill(forMs: number): void {
    if (this.#process === null) return;
    this.#process.kill();
    this.#process = null;
    this.#isPaused = false;
    this.#running = [];
    this.#startsMs = this.#run.nowMs + forMs;
  }

  pause(forMs: number): void {
    if (this.#process === null || this.#isPaused) return;
    this.#run.disturb({ kind: "pause", process: this.#name, boot: this.#process.boot });
    this.#isPaused = true;
    this.#resumesMs = this.#run.nowMs + forMs;
  }

  stop(): void {
    this.#process?.stop();
  }

  #resume(): void {
    this.#isPaused = false;
    this.#run.disturb({ kind: "resume", process: this.#name, boot: this.#process?.boot ?? 0 });
  }

  #boot(): void {
    this.#process = start(this.#run, this.#name);
    this.#sentMs = this.#run.nowMs;
    this.#nextBeatMs = this.#run.nowMs + scriptedSettings.heartbeatMs;
    this.#sightings.clear();
  }

  get #mayStart(): boolean {
    return this.#run.nowMs - this.#sentMs < scriptedSettings.leaseMs * 0.9;
  }

  #beat(process: ScriptedProcess): void {
    const { run } = { run: this.#run };
    const { heartbeatMs } = scriptedSettings;
    this.#nextBeatMs = run.nowMs + heartbeatMs;
    const sentMs = process.monotonicMs;
    if (run.isDown) {
      process.say({ kind: "heartbeat", owner: process.owner, sentMs, seen: "fail" });
      this.#sightings.clear();
      return;
    }
    if (!run.registry.has(process.owner)) {
      process.reborn();
      this.#sightings.clear();
    } else {
      if (run.nowMs - this.#sentMs > 2 * heartbeatMs) this.#sightings.clear();
      process.beat(...this.#overdue(process.owner));
      this.#observe(process.owner);
    }
    this.#sentMs = run.nowMs;
  }

  #overdue(own: string): readonly string[] {
    return [...this.#sightings]
      .filter(([owner, { beats, sinceMs }]) => {
        const isUnchanged = owner !== own && this.#run.registry.get(owner) === beats;
        return isUnchanged && this.#run.nowMs - sinceMs >= scriptedSettings.leaseMs;
      })
      .map(([owner]) => owner);
  }

  #observe(own: string): void {
    for (const [owner, beats] of this.#run.registry) {
      if (owner === own || this.#sightings.get(owner)?.beats === beats) continue;
      this.#sightings.set(owner, { beats, sinceMs: this.#run.nowMs });
    }
  }

  /** A task that was lost twice runs with nothing else. */
  #canTakeMore(): boolean {
    return this.#running.length < SLOTS && !this.#running.some(({ taskId }) => this.#lossesOf(taskId) >= 2);
  }

  #lossesOf(taskId: string): number {
    return this.#run.pending.get(taskId)?.lostAttempts ?? 0;
  }

  #poll(process: ScriptedProcess): void {
    const { run } = { run: this.#run };
    this.#nextPollMs = run.nowMs + scriptedSettings.pollIntervalMs / 2;
    if (run.isDown || !this.#mayStart || !this.#canTakeMore()) return;
    const due = this.#free(process.owner).filter(([, row]) => row.dueAtMs <= run.nowMs);
    due.sort(([, left], [, right]) => left.dueAtMs - right.dueAtMs);
    const mayRunAlone = this.#running.length === 0;
    const alone = due.find(([, row]) => row.owner === null && row.lostAttempts >= 2);
    const ordinary = due.filter(([, row]) => row.owner !== null || row.lostAttempts < 2);
    const room = SLOTS - this.#running.length;
    const chosen = mayRunAlone && alone !== undefined ? [alone] : ordinary.slice(0, room);
    for (const taskId of process.claim(chosen.map(([taskId]) => taskId))) this.#begin(process, taskId);
  }

  #free(own: string) {
    return [...this.#run.pending].filter(([taskId, { owner }]) => {
      const isFree = owner === null || (owner !== own && !this.#run.registry.has(owner));
      return isFree && !this.#running.some((running) => running.taskId === taskId);
    });
  }

  #begin(process: ScriptedProcess, taskId: string): void {
    if (this.#lossesOf(taskId) >= 2 + scriptedSettings.maxLostAlone) {
      process.settle(taskId, "fail");
      return;
    }
    process.begin(taskId);
    const luck = this.#random.fraction();
    const outcome = luck < 0.75 ? "succeeded" : luck < 0.92 ? "failed" : "deferred";
    const endsMs = this.#run.nowMs + 10 + this.#random.fraction() * 400;
    this.#running.push({ taskId, outcome, endsMs, isOver: false });
  }

  #finish(process: ScriptedProcess): void {
    for (const running of this.#running) {
      const { taskId, outcome, endsMs } = running;
      if (endsMs > this.#run.nowMs || !process.held.has(taskId)) continue;
      if (!running.isOver) process.finish(taskId, outcome);
      running.isOver = true;
      process.settle(taskId, this.#decision(taskId, outcome), this.#run.isDown ? "fail" : "ok");
    }
    this.#running = this.#running.filter(({ taskId }) => process.held.has(taskId));
  }

  #decision(taskId: string, outcome: Outcome): "confirm" | "defer" | "fail" | "retry" {
    if (outcome !== "failed") return outcome === "succeeded" ? "confirm" : "defer";
    const failedAttempts = this.#run.pending.get(taskId)?.failedAttempts ?? 0;
    return failedAttempts + 1 >= 3 ? "fail" : "retry";
  }
}
