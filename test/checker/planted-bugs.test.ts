// The checker is tested by mutation: every planted bug is caught, and by the guarantees that it breaks.
import { expect, it } from "vitest";
import { claimBugs } from "./bugs/claim-bugs.ts";
import { enqueueBugs } from "./bugs/enqueue-bugs.ts";
import { harmless } from "./bugs/harmless.ts";
import { lossBugs } from "./bugs/loss-bugs.ts";
import { operatingBugs } from "./bugs/operating-bugs.ts";
import { outcomeBugs } from "./bugs/outcome-bugs.ts";
import { timeBugs } from "./bugs/time-bugs.ts";
import { brokenBy } from "./scene.ts";

const bugs = [enqueueBugs, claimBugs, outcomeBugs, lossBugs, timeBugs, operatingBugs].flat();

it.each(bugs)("caught: $name", ({ script, breaks, settings }) => {
  expect(brokenBy(script, settings)).toEqual(breaks);
});

it.each(harmless)("no bug: $name", ({ script, settings }) => {
  expect(brokenBy(script, settings)).toEqual([]);
});

it("every guarantee that a history can show has a planted bug", () => {
  const caught = new Set(bugs.flatMap(({ breaks }) => breaks));
  const unshown = new Set(["G19"]);
  const all = Array.from({ length: 22 }, (_, index) => `G${index + 1}`);
  expect(all.filter((guarantee) => !caught.has(guarantee) && !unshown.has(guarantee))).toEqual([]);
});
