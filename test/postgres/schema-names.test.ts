// Names of schemas are data: they are quoted, or refused, and never executed.
import { describe, expect, it } from "vitest";
import { at, newTask } from "../../src/conformance/scene.ts";
import { InvalidInputError } from "../../src/errors.ts";
import { migrationSql, postgresStore } from "../../src/store/postgres/index.ts";
import { testPool } from "../support/database.ts";
import { openHarness } from "./harness.ts";

const usable = [
  "with.dot",
  "select",
  "user",
  "UPPER",
  "größe 注文 🧾",
  "semi; drop schema public cascade; --",
  "it's",
  "back\\slash",
  "$body$",
  "%s$1:name?",
  "line\nbreak",
  " ",
  "x".repeat(48),
];
const refused = [
  'say "owed"',
  '"owed"',
  "",
  "x".repeat(49),
  "ü".repeat(25),
  "nul\0byte",
  "pg_temp",
  "pg_owed",
  "information_schema",
  "\ud800",
];

describe("a schema name", () => {
  it.each(usable)("%j works as it stands", async (name) => {
    await using pool = testPool();
    await pool.query(`drop schema if exists "${name.replaceAll('"', '""')}" cascade`);
    await using harness = await openHarness({ schema: name });
    const caller = await harness.begin();
    await harness.store.insert(caller.transaction, [newTask("named")], null, at(0));
    const [verdict] = await harness.store.resolveDuplicates(
      caller.transaction,
      [newTask("named")],
      null,
      [],
      at(0),
    );
    expect(verdict?.verdict).toBe("same");
    await caller.commit();
    await harness.store.register(
      { owner: "7", host: "h", pid: 1, types: "all", slots: 1, leaseMs: 15_000 },
      at(0),
    );
    const request = {
      owner: "7",
      claim: 1,
      limit: 5,
      maxBytes: 1_000,
      suspectLimit: 1,
      alone: false,
      liveClaims: [],
    };
    const { tasks } = await harness.store.claim({ ...request, types: "all" }, at(0));
    expect(tasks.map(({ taskId }) => taskId)).toEqual(["named"]);
    const { rows } = await harness.pool.query("select 1 from pg_namespace where nspname in ($1, 'public')", [
      name,
    ]);
    expect(rows).toHaveLength(2);
  });

  it.each(refused)("%j is refused before anything is executed", (name) => {
    const connectionString = "postgres://nobody@127.0.0.1:1/none";
    expect(() => postgresStore({ connectionString, schema: name })).toThrow(InvalidInputError);
    expect(() => migrationSql(name)).toThrow(InvalidInputError);
  });
});
