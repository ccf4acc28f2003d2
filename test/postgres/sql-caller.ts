// A caller of `owed.enqueue`: how it calls, what it is told, and a task to owe.
import { defineTask } from "owed";
import type pg from "pg";
import { z } from "zod";
import type { PostgresHarness } from "./harness.ts";

export const order = defineTask({
  type: "order.ship",
  data: z.object({ orderId: z.string(), lines: z.array(z.object({ sku: z.string(), price: z.number() })) }),
});
export const data = { orderId: "ö-1", lines: [{ sku: "\u{1f9fe}", price: 12.5 }] };
export const reordered = '{"lines": [{"price": 12.50, "sku": "\\ud83e\\uddfe"}], "orderId": "ö-1"}';

export interface Answer {
  readonly task_id: string;
  readonly created: boolean;
}

type Querying = Pick<pg.Pool, "query"> | Pick<pg.PoolClient, "query">;

/** Calls the function with arguments by their names. */
export async function call(
  on: Querying,
  schema: string,
  given: Readonly<Record<string, unknown>>,
): Promise<Answer | undefined> {
  const names = Object.keys(given);
  const text = `select * from "${schema}".enqueue(${names.map((name, index) => `${name} => $${index + 1}`).join(", ")})`;
  const { rows } = await (on as pg.Pool).query<Answer>(text, Object.values(given));
  return rows[0];
}

export const raised = (answer: Promise<unknown>): Promise<unknown> =>
  answer.then(
    (value) => ({ code: "none", value }),
    ({ code, message, hint }: pg.DatabaseError) => ({
      code,
      message,
      ...(hint === undefined ? {} : { hint }),
    }),
  );

export const owing = (harness: PostgresHarness): Promise<number> => harness.store.count("pending");

export async function begun({ pool }: PostgresHarness, isolation = "read committed"): Promise<pg.PoolClient> {
  const client = await pool.connect();
  await client.query(`begin isolation level ${isolation}`);
  return client;
}

export async function ended(client: pg.PoolClient, statement: "commit" | "rollback"): Promise<void> {
  await client.query(statement);
  client.release();
}
