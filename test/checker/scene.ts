// Scenes for planted bugs: two processes, and time that passes as it does for the living.
import { check, type Report } from "../../checker/check.ts";
import type { RunSettings } from "../../checker/history.ts";
import { type ScriptedProcess, start } from "./scripted-process.ts";
import { ScriptedRun } from "./scripted-run.ts";

/** A run with two processes. */
export interface Scene {
  readonly run: ScriptedRun;
  readonly a: ScriptedProcess;
  readonly b: ScriptedProcess;
}

/** Writes a history. */
export type Script = (scene: Scene) => void;

/** Plays a script and checks what it wrote. */
export function reportOf(script: Script, settings: Partial<RunSettings> = {}): Report {
  const run = new ScriptedRun();
  const scene = { run, a: start(run, "a"), b: start(run, "b") };
  script(scene);
  return check(run.history(settings));
}

/** The guarantees that a script breaks, in order. */
export function brokenBy(script: Script, settings: Partial<RunSettings> = {}): readonly string[] {
  const { verdicts } = reportOf(script, settings);
  return verdicts.filter(({ outcome }) => outcome === "violated").map(({ guarantee }) => guarantee);
}

/** Lets time pass while these processes beat, and poll in vain. */
export function live(run: ScriptedRun, ms: number, ...processes: readonly ScriptedProcess[]): void {
  const endMs = run.nowMs + ms;
  while (run.nowMs < endMs) {
    run.pass(Math.min(250, endMs - run.nowMs));
    for (const process of processes) {
      process.claim([]);
      if (run.nowMs % 1_000 < 250) process.beat();
    }
  }
}

/** `a` is killed, `b` lives on, declares it dead in time. */
export function dies({ run, b }: Scene, victim: ScriptedProcess): void {
  victim.kill();
  live(run, 3_500, b);
  b.beat(victim.owner);
}
