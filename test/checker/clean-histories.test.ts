// Clean histories pass: nothing is called a violation that a fault explains.
import { expect, it } from "vitest";
import { check } from "../../checker/check.ts";
import { randomRun } from "./random-run.ts";
import { brokenBy, live } from "./scene.ts";
import type { ScriptedProcess } from "./scripted-process.ts";

const seeds = Array.from({ length: 12 }, (_, index) => index + 1);

it.each(seeds)("a run with kills, pauses, outages and operators breaks no law: seed %i", (seed) => {
  expect(check(randomRun({ seed }).history()).violations).toEqual([]);
});

it("a process without a worker that asks for single tasks is no idle worker", () => {
  const askById = (process: ScriptedProcess, ...taskIds: string[]): void => {
    process.claim(taskIds, "ok", true);
    for (const taskId of taskIds) process.begin(taskId).finish(taskId, "succeeded").settle(taskId, "confirm");
  };
  const broken = brokenBy(({ run, a, b }) => {
    a.enqueue(["u", "v"]);
    askById(b, "u");
    run.pass(100);
    a.enqueue(["t"]);
    for (let second = 0; second < 4; second += 1) {
      run.pass(500);
      a.beat();
      b.beat();
      askById(b);
    }
    askById(b, "v");
    a.complete("t");
  });
  expect(broken).toEqual([]);
});

it("a worker whose executor outlives its claim is not idle", () => {
  const broken = brokenBy(({ run, a, b }) => {
    a.enqueue(["t"]).claim(["t"]);
    a.begin("t");
    run.cancel("t");
    run.pass(100);
    a.enqueue(["u"]);
    live(run, 2_000, a, b);
    a.finish("t").settle("t");
    a.complete("u");
  });
  expect(broken).toEqual([]);
});
