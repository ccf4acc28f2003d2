// The script that makes the roles: run again, run by the owner, by an administrator, with any names; and what it starts from.
import { StoreUnavailableError } from "owed";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { InvalidInputError } from "../../src/errors.ts";
import { migrationSql, postgresStore, rolesSql } from "../../src/store/postgres/index.ts";
import { freshSchema, sharedDatabase, sharedMajors, testPool } from "../support/database.ts";
import { openHarness } from "./harness.ts";
import { olderSchemaSql } from "./older-schema.ts";
import { RoleLogins } from "./role-logins.ts";
import { expectDenied, openScene, verdict } from "./roles-scene.ts";

describe.each(sharedMajors())("the owner on Postgres %i", (major) => {
  it("makes the tables in an empty schema, and the script run again gives the others their rights; nobody else can", async () => {
    await using scene = await openScene(major, false);
    const { schema, logins } = scene;
    const pool = new pg.Pool({ connectionString: await logins.migrator(), max: 2 });
    const store = postgresStore({ pool, schema });
    await expect((await scene.storeOf("worker")).migrate()).rejects.toThrow(StoreUnavailableError);
    await store.migrate();
    const { rows } = await pool.query("select distinct tableowner from pg_tables where schemaname = $1", [
      schema,
    ]);
    expect(rows).toEqual([{ tableowner: logins.role("owner") }]);
    const enqueuer = await scene.poolOf("enqueuer");
    const statement = `select ${schema}.enqueue('job', '1')`;
    expect(await verdict(enqueuer, statement)).toBe("42501");
    // The owner alone, which may make no roles and no schemas.
    await logins.apply(schema, pool);
    await logins.apply(schema, pool);
    expect(await verdict(enqueuer, statement)).toBe("done");
    await store.close();
    await pool.end();
  });

  it("brings an older schema up to date", async () => {
    await using scene = await openScene(major);
    const { admin, schema, logins } = scene;
    await admin.query(`drop schema ${schema} cascade`);
    await logins.apply(schema);
    const pool = new pg.Pool({ connectionString: await logins.migrator(), max: 1 });
    const store = postgresStore({ pool, schema });
    await pool.query(olderSchemaSql(schema, 1));
    await store.migrate();
    await store.checkSchema();
    await logins.apply(schema);
    expect(await verdict(await scene.poolOf("enqueuer"), `select ${schema}.enqueue('job', '1')`)).toBe(
      "done",
    );
    await store.close();
    await pool.end();
  });
});

describe.each(sharedMajors())("the script on Postgres %i", (major) => {
  it("takes back what somebody has granted beside it", async () => {
    await using scene = await openScene(major);
    const { admin, schema, logins } = scene;
    await admin.query(`grant all on all tables in schema ${schema} to ${logins.role("enqueuer")}, public;
      grant update (data) on ${schema}.task to ${logins.role("enqueuer")};
      grant create on schema ${schema} to ${logins.role("worker")}`);
    const pool = await scene.poolOf("enqueuer");
    expect(await verdict(pool, `select * from ${schema}.task`)).toBe("done");
    await logins.apply(schema);
    await expectDenied(pool, [`select * from ${schema}.task`, `update ${schema}.task set data = null`]);
    await expectDenied(await scene.poolOf("worker"), [`create table ${schema}.mine (id int)`]);
  });

  it("may be run by an administrator who is no superuser, on a database that is theirs", async () => {
    await using admin = testPool({ major, max: 2 });
    const name = freshSchema();
    await admin.query(`create role ${name} login createrole`);
    await admin.query(`create database ${name} owner ${name}`);
    const url = new URL(sharedDatabase(major));
    url.username = name;
    url.pathname = `/${name}`;
    const theirs = new pg.Pool({ connectionString: url.href, max: 2 });
    const logins = new RoleLogins(theirs, url.href);
    try {
      await theirs.query(migrationSql("owed"));
      await logins.apply("owed");
      await logins.apply("owed");
      const enqueuer = new pg.Pool({ connectionString: await logins.login("enqueuer"), max: 1 });
      expect(await verdict(enqueuer, "select owed.enqueue('job', '1')")).toBe("done");
      expect(await verdict(enqueuer, "select * from owed.task")).toBe("42501");
      await enqueuer.end();
    } finally {
      await theirs.end();
      await admin.query(`drop database ${name}`);
      const { rows } = await admin.query<{ rolname: string }>(
        `select rolname from pg_roles where starts_with(rolname, $1) or rolname = $2
         order by rolname = $2`,
        [logins.prefix, name],
      );
      for (const { rolname } of rows) await admin.query(`drop role ${rolname}`);
    }
  });
});

describe.each(sharedMajors())("a function with the rights of the owner on Postgres %i", (major) => {
  it("is open to nobody before the script, and pins its search_path (L9)", async () => {
    await using harness = await openHarness({ major });
    const { rows } = await harness.pool.query(
      `select p.proname,
         has_function_privilege('public', p.oid, 'execute') as is_open,
         coalesce(p.proconfig @> array['search_path=pg_catalog, pg_temp'], false) as is_pinned
       from pg_proc p
       where p.pronamespace = cast($1 as regnamespace) and p.prosecdef
       order by p.proname`,
      [harness.schema],
    );
    const closed = { is_open: false, is_pinned: true };
    const functions = [
      "cancel_task_v1",
      "delete_task_v1",
      "enqueue",
      "erase_task_v1",
      "insert_tasks_v1",
      "redrive_task_v1",
      "redrive_task_v2",
      "resolve_duplicates_v2",
      "set_keys_v1",
    ];
    expect(rows).toEqual(functions.map((proname) => ({ proname, ...closed })));
  });
});

describe("the names of the script", () => {
  it.each([
    "with.dot",
    "UPPER",
    "it's",
    "semi; drop schema public cascade; --",
    "$body$",
    "line\nbreak",
    "größe",
  ])("%j is quoted, as schema and as prefix", async (name) => {
    await using admin = testPool({ max: 1 });
    const prefix = `${name}${freshSchema().slice(-8)}`;
    const quoted = `"${name}"`;
    const roles = ["enqueuer", "worker", "dashboard", "owner"].map((kind) => `"${prefix}_${kind}"`);
    await admin.query(`drop schema if exists ${quoted} cascade`);
    try {
      await admin.query(migrationSql(name));
      await admin.query(rolesSql(name, prefix));
      const { rows } = await admin.query(
        "select count(*) as n from pg_roles where starts_with(rolname, $1)",
        [prefix],
      );
      expect(rows).toEqual([{ n: "4" }]);
      await admin.query(`set role ${roles[0]}`);
      await admin.query(`select ${quoted}.enqueue('t', '1')`);
    } finally {
      await admin.query("reset role");
      await admin.query(`drop schema if exists ${quoted} cascade`);
      for (const role of roles) await admin.query(`drop role if exists ${role}`);
    }
  });

  it.each(['say "owed"', "", "x".repeat(49), "pg_owed", "nul\0byte"])("%j is refused", (name) => {
    expect(() => rolesSql(name)).toThrow(InvalidInputError);
    expect(() => rolesSql("owed", name)).toThrow(/^prefix /);
  });
});
