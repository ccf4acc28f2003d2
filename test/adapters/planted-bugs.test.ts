// Adapters that are broken on purpose: each is found out by the law that is there for it.
import { transaction } from "owed/pg";
import { type PostgresTransaction, type PostgresTransactions, pgTransactions } from "owed/postgres";
import type pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { committedWork } from "../../src/adapters/committed-work.ts";
import { type AdapterHarness, adapterLaws, runAdapterLaw } from "../../src/conformance/index.ts";
import { sharedDatabase, testPool } from "../support/database.ts";
import { pgLibrary } from "./libraries/pg.ts";
import { type ConnectedLibrary, openAdapterHarness } from "./postgres-library.ts";

type Library = ConnectedLibrary<pg.PoolClient>;

/** What a bug does to a library that is in order. */
interface Bug {
  readonly name: string;
  /** The law that finds it. */
  readonly law: string;
  readonly plant: (library: Library) => Library;
}

/** A library whose adapter differs in some functions. */
function withAdapter(library: Library, changed: Partial<PostgresTransactions<PostgresTransaction>>): Library {
  return { ...library, transactions: { ...pgTransactions, ...changed } };
}

let elsewhere: pg.Pool;

const bugs: readonly Bug[] = [
  {
    name: "statements run on another connection",
    law: "a task is gone with its rows when the callback throws",
    plant: (library) =>
      withAdapter(library, {
        rows: async (_, text, values) => (await elsewhere.query(text, [...values])).rows,
      }),
  },
  {
    name: "anything passes as a transaction",
    law: "what is no open transaction is refused, and nothing is written",
    plant: (library) => withAdapter(library, { assertTransaction: () => undefined }),
  },
  {
    name: "question marks become placeholders",
    law: "texts are kept, whatever a library might take them for",
    plant: (library) =>
      withAdapter(library, {
        rows: (client, text, values) =>
          pgTransactions.rows(
            client,
            text,
            values.map((value) => value?.replaceAll("??", "?") ?? null),
          ),
      }),
  },
  {
    name: "an answer without rows passes as one",
    law: "a task commits together with the rows of its transaction",
    plant: (library) =>
      withAdapter(library, {
        rows: async (client, text, values) => {
          await pgTransactions.rows(client, text, values);
          return [];
        },
      }),
  },
  {
    name: "transaction() forgets the fast path",
    law: "transaction() commits, answers value and receipts, and executes what was enqueued",
    plant: (library) => ({
      ...library,
      committedWork: (scheduler, work, isolation) =>
        library.committedWork(
          { collect: (inner) => scheduler.collect(inner), tryExecuteNow: async () => [] },
          work,
          isolation,
        ),
    }),
  },
  {
    name: "transaction() commits what threw",
    law: "transaction() rejects with what the callback threw, and executes nothing",
    plant: (library) => ({
      ...library,
      committedWork: (scheduler, work) =>
        library.committedWork(scheduler, async (client) => {
          try {
            return await work(client);
          } catch {
            return undefined as never;
          }
        }),
    }),
  },
  {
    name: "the commit is told before it has happened",
    law: "a receipt starts by itself after the commit that the library tells of, and not before it",
    plant: (library) => withAdapter(library, { afterCommit: (_, run) => run() }),
  },
];

describe("a broken adapter is found out", () => {
  let library: Library;
  beforeAll(async () => {
    elsewhere = testPool();
    library = await pgLibrary.connect({ connectionString: sharedDatabase(), pooler: false });
  });
  afterAll(async () => {
    await library.close();
    await elsewhere.end();
  });
  it.each(bugs)("$name", async ({ law: name, plant }) => {
    const law = adapterLaws.find((candidate) => candidate.name === name);
    if (law === undefined) throw new Error(`no law is called "${name}"`);
    const target = { connectionString: sharedDatabase(), pooler: false };
    const open = (): Promise<AdapterHarness<pg.PoolClient>> => openAdapterHarness(plant(library), target);
    await expect(runAdapterLaw(law, open)).rejects.toThrow();
  });
});

describe("transaction() of an adapter", () => {
  it("leaves no receipt of an earlier run when the library runs the callback again", async () => {
    let runs = 0;
    const asked: unknown[] = [];
    const scheduler = {
      collect: <Value>(work: () => Value) => {
        runs += 1;
        return { value: work(), receipts: [{ taskId: `run-${runs}`, created: true }] };
      },
      tryExecuteNow: async (receipts: unknown) => asked.push(receipts),
    };
    const { value, receipts } = await committedWork<null, string>(
      scheduler,
      async (run) => {
        await run(null).catch(() => undefined);
        await run(null);
      },
      () => (runs === 1 ? Promise.reject(new Error("40001")) : `value ${runs}`),
    );
    expect([value, receipts, asked]).toEqual([
      "value 2",
      [{ taskId: "run-2", created: true }],
      [[{ taskId: "run-2", created: true }]],
    ]);
  });

  it("of pg rolls back when COMMIT is answered with ROLLBACK, and starts nothing", async () => {
    await using pool = testPool({ max: 1 });
    const asked: unknown[] = [];
    const scheduler = {
      collect: <Value>(work: () => Value) => ({ value: work(), receipts: [] }),
      tryExecuteNow: async (receipts: unknown) => asked.push(receipts),
    };
    const work = transaction(scheduler, pool, async (client) => {
      await client.query("no statement").catch(() => undefined);
    });
    await expect(work).rejects.toMatchObject({ code: "OWED_TRANSACTION_ROLLED_BACK" });
    expect(asked).toEqual([]);
    expect((await pool.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  });
});
