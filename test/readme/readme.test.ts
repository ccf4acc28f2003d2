// The examples of the README run as they stand: copied out, executed, and seen to do what they say.
import { expect, test } from "vitest";
import { sharedDatabase, testPool } from "../support/database.ts";
import { exampleIn, outputOf } from "./examples.ts";

const example = (name: string): string => exampleIn("README.md", name);

test("the first example has at most fifteen lines and runs", async () => {
  const code = example("sqlite");
  expect(code.split("\n").filter((line) => line.trim() !== "").length).toBeLessThanOrEqual(15);
  await outputOf(code, "receipt p1 receipt:p1", {});
});

test("the example on Postgres has at most fifteen lines, and runs on an empty database, and again, and with the transaction of one's own that follows it", async () => {
  await using pool = testPool({ max: 1 });
  const code = example("postgres");
  expect(code.split("\n").filter((line) => line.trim() !== "").length).toBeLessThanOrEqual(15);
  try {
    await outputOf(code, "receipt p1 receipt:p1", { DATABASE_URL: sharedDatabase() });
    // The task stands already: nothing is printed a second time, and nothing fails.
    const again = `${code}console.log("committed again");`;
    await outputOf(again, "committed again", { DATABASE_URL: sharedDatabase() });
    expect((await pool.query("select amount from payment where id = 'p1'")).rows).toEqual([{ amount: 4200 }]);
    // What follows in the README goes on from there, inside a transaction of the reader's own.
    const own = await outputOf(`${code}${example("own transaction")}`, "receipt p2 ", {
      DATABASE_URL: sharedDatabase(),
    });
    expect(own).not.toContain("receipt p1");
    const { rows } = await pool.query("select amount from payment where id = 'p2'");
    expect(rows).toEqual([{ amount: 4200 }]);
  } finally {
    await pool.query("drop table if exists payment");
    await pool.query("drop schema if exists owed cascade");
  }
});
