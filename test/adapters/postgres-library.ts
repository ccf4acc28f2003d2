// What a library on Postgres is to the suite of adapters, and the harness that is made of it.
import type { AdapterHarness, CallerIsolation } from "../../src/conformance/index.ts";
import { type PostgresTransactions, postgresStore } from "../../src/store/postgres/index.ts";
import { freshSchema, testPool } from "../support/database.ts";
import type { ListedLibrary } from "./facts.ts";

type Committing<Transaction> = AdapterHarness<Transaction>["committedWork"];

/** A library, connected: its own ways to do what the suite asks for. */
export interface ConnectedLibrary<Transaction extends object> {
  /** Where its database is, for a library that is one itself. */
  readonly target?: LibraryTarget;
  readonly transactions: PostgresTransactions<Transaction>;
  transaction<Value>(
    work: (tx: Transaction) => Promise<Value>,
    isolation: CallerIsolation | undefined,
  ): PromiseLike<Value>;
  rolledBack(work: (tx: Transaction) => Promise<unknown>): Promise<void>;
  nested<Value>(tx: Transaction, work: (nested: Transaction) => Promise<Value>): PromiseLike<Value>;
  /** Runs a statement without parameters in the transaction, as users of the library do. */
  sql(tx: Transaction, text: string): PromiseLike<readonly unknown[]>;
  readonly committedWork: Committing<Transaction>;
  readonly notTransactions: Readonly<Record<string, unknown>>;
  close(): Promise<void>;
}

/** Where a library connects to. */
export interface LibraryTarget {
  readonly connectionString: string;
  /** A transaction pooler stands in between. */
  readonly pooler: boolean;
}

/** A library as the matrix lists it. */
export interface PostgresLibrary<Transaction extends object> extends ListedLibrary {
  /** It is a database itself: no pooler can stand before it. */
  readonly isDatabase?: true;
  connect(target: LibraryTarget): Promise<ConnectedLibrary<Transaction>>;
}

/** A harness of one law: the library is shared, the schema is its own. */
export async function openAdapterHarness<Transaction extends object>(
  library: ConnectedLibrary<Transaction>,
  { connectionString, pooler }: LibraryTarget,
): Promise<AdapterHarness<Transaction>> {
  const schema = freshSchema();
  const pool = testPool({ connectionString, max: 2 });
  const store = postgresStore({ pool, schema, pooler, transactions: library.transactions });
  await store.migrate();
  await pool.query(
    `create table ${schema}.business (
      key text primary key,
      writes integer not null,
      parent text generated always as (case key when 'doomed' then 'missing' end) stored
        references ${schema}.business (key) deferrable initially deferred
    )`,
  );
  return {
    store,
    synchronous: false,
    // Some of these answer promises of the library's own, which are lazy, or begin when they are waited for.
    transaction: async (work, isolation) =>
      await library.transaction(async (tx) => await work(tx), isolation),
    rolledBack: async (work) => await library.rolledBack(async (tx) => await work(tx)),
    nested: async (tx, work) => await library.nested(tx, async (nested) => await work(nested)),
    write: async (tx, key) =>
      await library.sql(
        tx,
        `insert into ${schema}.business (key, writes) values ('${key}', 1) on conflict (key) do update set writes = business.writes + 1`,
      ),
    seenTaskIds: async (tx) => {
      const rows = await library.sql(tx, `select task_id from ${schema}.task`);
      return rows.map((row) => String((row as { task_id: unknown }).task_id));
    },
    writtenKeys: async () => {
      const { rows } = await pool.query<{ key: string }>(`select key from ${schema}.business`);
      return rows.map(({ key }) => key);
    },
    committedWork: library.committedWork,
    notTransactions: library.notTransactions,
    close: async () => {
      await store.close();
      await pool.end();
    },
  };
}

/** Swallows the error that a library needs to be told to roll back with. */
export async function rolledBackBy(error: Error, work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (caught) {
    if (caught === error) return;
    throw caught;
  }
  throw new Error("the transaction was committed");
}
