// The application's own side: a table, and a transaction that writes one row of it.
import pg from "pg";
import { nowNs } from "./port.ts";

/** The application's table. */
export const businessTable = "create table business (id bigint primary key, amount integer not null)";
/** Writes a row of it: $1 id, $2 amount. */
export const insertBusiness = "insert into business (id, amount) values ($1, $2)";

/** A pool as an application has one; a connection that breaks shows in the next statement. */
export function poolOf(connectionString: string, max: number, settings: pg.PoolConfig = {}): pg.Pool {
  const pool = new pg.Pool({ ...settings, connectionString, max });
  pool.on("error", () => undefined);
  return pool;
}

/** The application's transaction: its row, what `enqueue` adds, and the commit. Resolves with the moment of its answer. */
export async function applicationTransaction(
  pool: pg.Pool,
  n: number,
  enqueue: (client: pg.PoolClient) => Promise<unknown>,
): Promise<bigint> {
  const client = await pool.connect();
  try {
    await client.query("begin");
    await client.query({ name: "business", text: insertBusiness, values: [n, 4200] });
    await enqueue(client);
    await client.query("commit");
    return nowNs();
  } finally {
    client.release();
  }
}

/** The moment at which the last COMMIT of any connection of a pool was answered. */
export function watchCommits(pool: pg.Pool): () => bigint {
  let lastNs = 0n;
  pool.on("connect", (client) => {
    // The protocol's own messages, which the types do not show.
    const { connection } = client as unknown as {
      connection: NodeJS.EventEmitter;
    };
    connection.on("commandComplete", ({ text }: { readonly text: string }) => {
      if (text === "COMMIT") lastNs = nowNs();
    });
  });
  return () => lastNs;
}
