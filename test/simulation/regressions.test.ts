// Plans that once broke a guarantee, cut down to what it took. Each must hold for ever.
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { judge } from "../../simulation/judge.ts";
import type { Plan } from "../../simulation/plan.ts";
import { play } from "../../simulation/scenario.ts";

const folder = new URL("./plans/", import.meta.url);
const names = readdirSync(folder).map((file) => file.replace(/\.json$/, ""));

test.each(names)("%s", async (name) => {
  const plan = JSON.parse(readFileSync(new URL(`${name}.json`, folder), "utf8")) as Plan;
  expect(judge(await play(plan))).toEqual([]);
});
