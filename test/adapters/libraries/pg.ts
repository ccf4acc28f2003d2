// `pg`, which the store takes without an adapter.

import { transaction } from "owed/pg";
import { pgTransactions } from "owed/postgres";
import pg from "pg";
import type { PostgresLibrary } from "../postgres-library.ts";

/** A Pool and its clients. */
export const pgLibrary: PostgresLibrary<pg.PoolClient> = {
  name: "pg",
  package: "pg",
  subpath: "owed/pg",
  afterCommit: "verified read",
  refused: "a Pool does not compile; a client outside a transaction throws",
  lacks: { "after-commit": "pg has no hook" },
  async connect({ connectionString }) {
    const pool = new pg.Pool({ connectionString, max: 4 });
    const outside = await pool.connect();
    const run = async <Value>(
      work: (client: pg.PoolClient) => Promise<Value>,
      begin: string,
      end = "commit",
    ): Promise<Value> => {
      const client = await pool.connect();
      try {
        await client.query(begin);
        const value = await work(client);
        await client.query(end);
        return value;
      } catch (error) {
        await client.query("rollback");
        throw error;
      } finally {
        client.release();
      }
    };
    return {
      transactions: pgTransactions,
      transaction: (work, isolation = "read committed") => run(work, `begin isolation level ${isolation}`),
      rolledBack: async (work) => void (await run(work, "begin", "rollback")),
      nested: async (client, work) => {
        await client.query("savepoint nested");
        try {
          return await work(client);
        } catch (error) {
          await client.query("rollback to savepoint nested");
          throw error;
        } finally {
          await client.query("release savepoint nested");
        }
      },
      sql: async (client, text) => (await client.query(text)).rows,
      committedWork: (scheduler, work, isolationLevel = "read committed") =>
        transaction(scheduler, pool, async (client) => await work(client), { isolationLevel }),
      notTransactions: { pool, outside },
      close: async () => {
        outside.release();
        await pool.end();
      },
    };
  },
};
