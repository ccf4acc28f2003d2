// Clean histories pass: nothing is called a violation that a fault explains.
import { expect, it } from "vitest";
import { check } from "../../checker/check.ts";
import { randomRun } from "./random-run.ts";

const seeds = Array.from({ length: 12 }, (_, index) => index + 1);

it.each(seeds)("a run with kills, pauses, outages and operators breaks no law: seed %i", (seed) => {
  expect(check(randomRun({ seed }).history()).violations).toEqual([]);
});
