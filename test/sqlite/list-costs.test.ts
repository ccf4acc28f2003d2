// What a page of tasks, and the counts, cost on SQLite: an index, and never a walk along all that is confirmed.
import { expect, test } from "vitest";
import { Connection } from "../../src/store/sqlite/connection.ts";
import * as reading from "../../src/store/sqlite/reading-statements.ts";
import { openScene } from "./harness.ts";

/** How SQLite would run a statement, line by line. What is bound does not matter for that. */
async function planOf(sql: string): Promise<string> {
  await using scene = await openScene();
  const named = [...sql.matchAll(/:(\w+)/g)].map(([, name = ""]) => [name, null] as const);
  const parameters = Object.fromEntries(named);
  const rows = new Connection(scene.handle).all<Line>(`explain query plan ${sql}`, parameters);
  return rows.map(({ detail }) => detail).join("\n");
}

interface Line {
  readonly detail: string;
}

const lists = {
  pending: reading.pendingPages,
  ready: reading.readyPages,
  ...reading.settledPages,
};

test.each(
  Object.entries(lists).flatMap(([name, orders]) =>
    (["ascending", "descending"] as const).flatMap((order) =>
      (["found", "reach"] as const).map((part) => [name, order, part, orders[order][part]] as const),
    ),
  ),
)("a list of %s tasks, %s (%s), walks in the order of an index", async (name, _order, _part, sql) => {
  const plan = await planOf(sql);
  const walk = plan.split("\n").filter((line) => /\b(?:SCAN|SEARCH) x\b/.test(line));
  expect(walk.length).toBe(1);
  expect(walk[0]).toMatch(
    /^SEARCH x USING (?:INTEGER PRIMARY KEY|(?:COVERING )?INDEX owed_settled_unsuccessful)/,
  );
  if (name === "failed" || name === "cancelled") expect(walk[0]).toContain("(state=? AND id");
  // What is found is a few thousand rows of the walk; those are sorted at most.
  const sorts = plan.split("\n").filter((line) => line.includes("USE TEMP B-TREE"));
  expect(sorts.length).toBeLessThanOrEqual(1);
  expect(plan.indexOf("USE TEMP B-TREE")).toSatisfy(
    (place: number) => place < 0 || place > plan.indexOf("x USING"),
  );
});

test.each([reading.countFailedUpTo, reading.countCancelledUpTo])(
  "%s reads no more than it counts",
  async (sql) => {
    expect(await planOf(sql)).toContain("owed_settled_unsuccessful (state=?)");
  },
);
