// Reads that prove a commit count only where commits are made: a standby may know less, and says so.
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { newTask, processId, processRecord } from "../../src/conformance/scene.ts";
import { StoreUnavailableError } from "../../src/errors.ts";
import type { BornClaim } from "../../src/store/contract.ts";
import { namesIn } from "../../src/store/postgres/identifier.ts";
import { type PostgresStore, postgresStore } from "../../src/store/postgres/index.ts";
import { openTransactions } from "../../src/store/postgres/statements/born.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";

const OWNER = processId(1);

let server: PostgresServer;
let store: PostgresStore;

beforeAll(async () => {
  server = await startPostgres({ major: 18 });
  store = postgresStore({ connectionString: server.connectionString });
  await store.migrate();
  await store.register(processRecord(OWNER));
});

afterAll(async () => {
  await store.close();
  await server[Symbol.asyncDispose]();
});

async function born(taskId: string, claim: number): Promise<BornClaim> {
  const own = await store.begin();
  const task = newTask(taskId, { bornClaimed: true });
  const answer = await store.insert(own.transaction, [task], { owner: OWNER, claim });
  await own.commit();
  const token = { owner: OWNER, claim, generation: 1 };
  return { id: answer.created[0]?.id ?? "", token, transactionMark: answer.transactionMark };
}

it("F38: a standby proves no commit, neither that it happened nor that it did not", async () => {
  const here = await born("here", 1);
  // Committed on a primary, and not yet replayed by the standby: neither its row nor its number is known there.
  const later = { ...here, id: "4711", transactionMark: String(Number(here.transactionMark) + 1_000) };
  const older = { ...here, id: "4711" };
  expect(await store.readCommitted([here, older])).toEqual(["committed", "gone"]);

  await server.stop("fast");
  server.makeStandby();
  await server.start();
  for (const claims of [[later], [here], [here, later]]) {
    const refused = expect(store.readCommitted(claims)).rejects;
    await refused.toThrow(StoreUnavailableError);
    await refused.toThrow(/standby/);
  }
  // Behind a pooler that spreads reads, each statement may have met another server.
  const client = new pg.Client({ connectionString: server.connectionString });
  await client.connect();
  const { text } = openTransactions(namesIn("owed"));
  const { rows } = await client.query(text, [`{${later.transactionMark}}`]);
  expect(rows).toEqual([{ mark: null, is_standby: "true" }]);

  await client.query("select pg_promote()");
  await client.end();
  expect(await store.readCommitted([here, older])).toEqual(["committed", "gone"]);
});
