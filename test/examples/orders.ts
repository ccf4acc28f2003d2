// Orders posted to a service while it is killed, and what the database says of them.
import { randomBytes } from "node:crypto";
import pg from "pg";
import { sharedDatabase } from "../support/database.ts";
import type { Service } from "./service.ts";

/** The database refuses the COMMIT of an order of this amount. */
export const REFUSED_CENTS = 1_313;

const REFUSED_ONE_OF = 8;
const AT_ONCE = 10;

/** A database of its own for one example, on the shared server. */
export interface ShopDatabase extends AsyncDisposable {
  readonly connectionString: string;
  /** From now on, an order of `REFUSED_CENTS` fails at its COMMIT, after its task was enqueued. */
  refuseSome(): Promise<void>;
  run(sql: string): Promise<void>;
  /** The first column of the rows, as text. */
  column(sql: string): Promise<string[]>;
  /** Connections to this database, this one not counted. */
  connections(): Promise<number>;
}

/** Makes it. It goes with the server. */
export async function createShopDatabase(): Promise<ShopDatabase> {
  const url = new URL(sharedDatabase());
  const name = `shop_${randomBytes(6).toString("hex")}`;
  const server = new pg.Client({ connectionString: url.href });
  await server.connect();
  await server.query(`create database ${name}`);
  await server.end();
  url.pathname = `/${name}`;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  const column = async (sql: string): Promise<string[]> => {
    const { rows } = await client.query<string[]>({ text: sql, rowMode: "array" });
    return rows.map(([value]) => String(value));
  };
  return {
    connectionString: url.href,
    refuseSome: async () => {
      await client.query(`create function refuse() returns trigger language plpgsql as
        $$ begin raise exception 'this order is refused at its commit'; end $$`);
      await client.query(`create constraint trigger refuse after insert on orders
        deferrable initially deferred for each row when (new.amount_cents = ${REFUSED_CENTS})
        execute function refuse()`);
    },
    run: async (sql) => void (await client.query(sql)),
    column,
    connections: async () => {
      const [count] = await column(
        "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
      );
      return Number(count);
    },
    [Symbol.asyncDispose]: () => client.end(),
  };
}

/** What came of the orders that were posted. */
export interface Burst {
  /** Answered with 201. */
  readonly accepted: number;
  /** Answered with an error, as those must be that the database refuses. */
  readonly refused: number;
  /** Not answered. */
  readonly unanswered: number;
}

/** Posts so many orders, several at once. `onAnswer` is called with the number of answers so far; it may kill the service. */
export async function postOrders(
  service: Service,
  count: number,
  onAnswer: (answers: number) => void = () => undefined,
): Promise<Burst> {
  const statuses: (number | null)[] = [];
  let next = 0;
  const customer = async (): Promise<void> => {
    while (next < count) {
      const index = next++;
      const amountCents = index % REFUSED_ONE_OF === 1 ? REFUSED_CENTS : 1_000 + index;
      const status = await service.post("/orders", { email: `customer-${index}@shop.example`, amountCents });
      if (status === 201 && amountCents === REFUSED_CENTS)
        throw new Error("an order was accepted that the database refused");
      statuses.push(status);
      if (status !== null) onAnswer(statuses.filter((one) => one !== null).length);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, customer));
  const accepted = statuses.filter((status) => status === 201).length;
  const unanswered = statuses.filter((status) => status === null).length;
  return { accepted, refused: count - accepted - unanswered, unanswered };
}
