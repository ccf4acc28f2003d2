// The schema comes into being once, whoever asks for it and however often.
import { describe, expect, it } from "vitest";
import { enqueue, newTask } from "../../src/conformance/scene.ts";
import { SchemaMissingError, SchemaTooNewError } from "../../src/errors.ts";
import { migrationLockKey } from "../../src/store/postgres/identifier.ts";
import { migrationSql, postgresStore } from "../../src/store/postgres/index.ts";
import { knownVersion, migrations } from "../../src/store/postgres/migrations/index.ts";
import { freshSchema, sharedMajors, testPool } from "../support/database.ts";
import { openHarness } from "./harness.ts";
import { olderSchemaSql } from "./older-schema.ts";

describe.each(sharedMajors())("migrations on Postgres %i", (major) => {
  it("sixteen processes that migrate an empty database at once all succeed (H29, V12)", async () => {
    await using pool = testPool({ major });
    const schema = freshSchema();
    const stores = Array.from({ length: 16 }, () => postgresStore({ pool, schema, ownConnections: 1 }));
    try {
      await Promise.all(stores.map((store) => store.migrate()));
      await Promise.all(stores.map((store) => store.checkSchema()));
    } finally {
      await Promise.all(stores.map((store) => store.close()));
    }
    const { rows } = await pool.query(`select version from ${schema}.schema_version`);
    expect(rows).toEqual([{ version: knownVersion }]);
  });

  it("a migrated schema is left alone", async () => {
    await using harness = await openHarness({ major });
    await harness.store.migrate();
    await harness.store.checkSchema();
  });

  it("the SQL for an administrator makes the same schema", async () => {
    await using pool = testPool({ major });
    const schema = freshSchema();
    await pool.query(migrationSql(schema));
    const store = postgresStore({ pool, schema });
    try {
      await store.checkSchema();
      await store.migrate();
    } finally {
      await store.close();
    }
  });
});

describe("a schema that does not fit", () => {
  it("is refused when it is newer than the library", async () => {
    await using harness = await openHarness();
    await harness.pool.query(`update ${harness.schema}.schema_version set version = 999`);
    await expect(harness.store.migrate()).rejects.toThrow(SchemaTooNewError);
    await expect(harness.store.checkSchema()).rejects.toMatchObject({ found: 999, known: knownVersion });
  });

  it("is named as missing when it is missing", async () => {
    await using harness = await openHarness({ migrate: false });
    for (const ask of [() => harness.store.checkSchema(), () => harness.store.count("pending")]) {
      const error: unknown = await ask().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(SchemaMissingError);
      expect(String(error)).toMatch(/: let start\(\) migrate, or apply the SQL of migrationSql\(\)$/);
    }
  });

  it.each(migrations.slice(1).map((_, index) => index + 1))(
    "is named as missing when it is older, of version %i, and migrated from there",
    async (version) => {
      await using harness = await openHarness({ migrate: false });
      const { pool, schema, store } = harness;
      await pool.query(`create schema ${schema}; ${olderSchemaSql(schema, version)}`);
      await expect(store.checkSchema()).rejects.toThrow(SchemaMissingError);
      await store.migrate();
      await store.checkSchema();
      await enqueue(harness, [newTask("kept")]);
    },
  );
});

describe("two schemas of one database", () => {
  it("migrate under locks of their own (H35)", async () => {
    expect(migrationLockKey("owed")).not.toBe(migrationLockKey("other"));
    await using pool = testPool();
    const [held, free] = [freshSchema(), freshSchema()];
    const client = await pool.connect();
    const store = postgresStore({ pool, schema: free });
    try {
      await client.query("begin");
      await client.query("select pg_advisory_xact_lock(cast($1 as bigint))", [migrationLockKey(held)]);
      await store.migrate();
      await client.query("rollback");
    } finally {
      client.release();
      await store.close();
    }
  });

  it("do not see each other's tasks and processes (H35)", async () => {
    await using one = await openHarness();
    await using other = await openHarness();
    await one.store.register({ owner: "7", host: "h", pid: 1, types: "all", slots: 1, leaseMs: 15_000 });
    expect((await other.store.statistics()).processes).toBe(0);
  });
});
