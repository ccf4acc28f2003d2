// docs/sql.md as it stands: the trigger of the page, run by users who have no more rights than the page says, and its worker.
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { postgresStore } from "../../src/store/postgres/index.ts";
import { RoleLogins } from "../postgres/role-logins.ts";
import { freshSchema, sharedDatabase, testPool } from "../support/database.ts";
import { exampleIn, outputOf, textOf } from "./examples.ts";

const page = "docs/sql.md";

describe("a database with the roles of the page", () => {
  const name = freshSchema();
  const url = new URL(sharedDatabase());
  url.pathname = `/${name}`;
  let server: pg.Pool;
  let admin: pg.Pool;
  let logins: RoleLogins;
  let shop: pg.Pool;
  let clerk: pg.Pool;

  beforeAll(async () => {
    server = testPool({ max: 1 });
    await server.query(`create database ${name}`);
    admin = new pg.Pool({ connectionString: url.href, max: 1 });
    const store = postgresStore({ pool: admin });
    await store.migrate();
    await store.close();
    logins = new RoleLogins(admin, url.href);
    await logins.apply("owed");
    const user = await logins.login("enqueuer");
    await admin.query(`grant create on schema public to ${new URL(user).username}`);
    shop = new pg.Pool({ connectionString: user, max: 1 });
    clerk = new pg.Pool({ connectionString: await logins.login(), max: 1 });
  });

  afterAll(async () => {
    await shop.end();
    await clerk.end();
    await logins[Symbol.asyncDispose]();
    await admin.end();
    await server.query(`drop database ${name} with (force)`);
    await server.end();
  });

  it("takes the first example from psql", async () => {
    const { rows, fields } = await shop.query(exampleIn(page, "psql", "sql"));
    expect(rows).toEqual([{ task_id: "receipt:p1", created: true }]);
    const shown = fields.map((field) => field.name).join(" +\\| +");
    expect(textOf(page)).toMatch(new RegExp(`${shown}\\n[-+]+\\n receipt:p1 \\| t\\n`));
    await admin.query("truncate owed.task, owed.pending");
  });

  it("owes a task for a row that a client without any right of owed inserts, and a worker with its role executes it", async () => {
    await shop.query(exampleIn(page, "trigger", "sql"));
    await shop.query("grant insert on payment to public");
    await clerk.query("insert into payment (id, amount) values ('p7', 4200)");
    await expect(clerk.query("select owed.enqueue('receipt.send', '1')")).rejects.toMatchObject({
      code: "42501",
    });
    const client = await clerk.connect();
    await client.query("begin; insert into payment (id, amount) values ('p8', 1)");
    await client.query("rollback");
    client.release();
    const environment = { DATABASE_URL: await logins.login("worker") };
    await outputOf(exampleIn(page, "worker"), "receipt p7 4200 receipt:p7", environment);
    const { rows } = await admin.query("select task_id, reference_id from owed.task");
    expect(rows).toEqual([{ task_id: "receipt:p7", reference_id: "p7" }]);
    // What the page says of a payment that is inserted again.
    await shop.query("delete from payment");
    await expect(clerk.query("insert into payment (id, amount) values ('p7', 1)")).rejects.toMatchObject({
      code: "OW001",
    });
    await clerk.query("insert into payment (id, amount) values ('p7', 4200)");
  });

  it("takes many at once as the page says", async () => {
    const many = /`(select e\.\* from [^`]*)`/.exec(textOf(page))?.[1] ?? "none";
    await admin.query("truncate owed.task, owed.pending, owed.confirmed");
    const { rows } = await shop.query(many);
    expect(rows).toEqual([{ task_id: "receipt:p7", created: true }]);
  });

  it.each([
    ["python", "python", "%s"],
    ["go", "go", "$"],
  ])("takes the statements of the example in %s", async (example, language, mark) => {
    const code = exampleIn(page, example, language);
    const statements = [...code.matchAll(/"((?:insert|select) [^"]*)"/g)].map(([, text = ""]) => {
      let place = 0;
      return mark === "%s" ? text.replaceAll("%s", () => `$${++place}`) : text;
    });
    expect(statements).toHaveLength(2);
    await shop.query("truncate payment");
    await admin.query("truncate owed.task, owed.pending");
    await shop.query("alter table payment disable trigger user");
    await shop.query(statements[0] ?? "", ["p1", 4200]);
    const data = { paymentId: "p1", amount: 4200 };
    const { rows } = await shop.query(statements[1] ?? "", ["receipt.send", data, "receipt:p1"]);
    expect(rows).toEqual([{ task_id: "receipt:p1", created: true }]);
    await shop.query("alter table payment enable trigger user");
  });
});
