// What a library on SQLite is to the suite of adapters, and the harness that is made of it.
import { join } from "node:path";
import type { AdapterHarness, AdapterLacks } from "../../src/conformance/index.ts";
import { type SqliteDriverName, type SqliteTransactions, sqliteStore } from "../../src/store/sqlite/index.ts";
import { tempFolder } from "../sqlite/harness.ts";
import type { ListedLibrary } from "./facts.ts";

/** A library on one file: its own ways to do what the suite asks for. */
export interface SqliteOpenLibrary<Transaction extends object>
  extends Pick<
    AdapterHarness<Transaction>,
    "synchronous" | "transaction" | "rolledBack" | "nested" | "committedWork" | "notTransactions"
  > {
  /** Left out where the store takes the library's connections as they are. */
  readonly transactions?: SqliteTransactions<Transaction>;
  /** Runs a statement without parameters in the transaction, as users of the library do. */
  sql(tx: Transaction, text: string): readonly unknown[] | Promise<readonly unknown[]>;
  close(): Promise<void> | void;
}

/** A library as the matrix lists it. */
export interface SqliteLibrary<Transaction extends object> extends ListedLibrary {
  readonly driver: SqliteDriverName;
  open(file: string): SqliteOpenLibrary<Transaction>;
}

/** What every library on SQLite lacks. */
export const sqliteLacks: AdapterLacks = {
  isolation: "SQLite has one isolation level",
  "after-commit": "the library has no hook",
  "failing-commit": "its constraints are checked at once",
};

/** What those lack whose callbacks must not wait. */
export const synchronousLacks: AdapterLacks = {
  ...sqliteLacks,
  concurrency: "its callbacks are synchronous, so nothing else happens inside",
};

/** A harness of one law, on a file of its own. */
export async function openSqliteAdapterHarness<Transaction extends object>(
  library: SqliteLibrary<Transaction>,
): Promise<AdapterHarness<Transaction>> {
  const folder = tempFolder();
  const file = join(folder.path, "tasks.db");
  const { driver } = library;
  const opened = library.open(file);
  const { transactions } = opened;
  // Without an adapter the library's transactions are the store's own kind.
  const store = (
    transactions === undefined ? sqliteStore({ file, driver }) : sqliteStore({ file, driver, transactions })
  ) as AdapterHarness<Transaction>["store"];
  await store.migrate();
  const idsOf = (rows: readonly unknown[]): string[] =>
    rows.map((row) => String((row as { task_id: unknown }).task_id));
  const keysOf = (rows: readonly unknown[]): string[] => rows.map((row) => (row as { key: string }).key);
  await opened.transaction((tx) =>
    opened.sql(tx, "create table business (key text primary key, writes integer not null)"),
  );
  return {
    store,
    synchronous: opened.synchronous,
    transaction: opened.transaction,
    rolledBack: opened.rolledBack,
    nested: opened.nested,
    write: (tx, key) =>
      opened.sql(
        tx,
        `insert into business (key, writes) values ('${key}', 1) on conflict (key) do update set writes = writes + 1`,
      ),
    seenTaskIds: (tx) => {
      const rows = opened.sql(tx, "select task_id from owed_task");
      return rows instanceof Promise ? rows.then(idsOf) : idsOf(rows);
    },
    writtenKeys: () =>
      opened.transaction((tx) => {
        const rows = opened.sql(tx, "select key from business");
        return rows instanceof Promise ? rows.then(keysOf) : keysOf(rows);
      }),
    committedWork: opened.committedWork,
    notTransactions: opened.notTransactions,
    close: async () => {
      await opened.close();
      await store.close();
      folder[Symbol.dispose]();
    },
  };
}
