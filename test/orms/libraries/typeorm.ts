// TypeORM on Postgres.
import { transaction, typeormTransactions } from "owed/typeorm";
import { DataSource, type EntityManager } from "typeorm";
import type { ConnectedLibrary, LibraryTarget, PostgresLibrary } from "../../adapters/postgres-library.ts";

const levels = {
  "read committed": "READ COMMITTED",
  "repeatable read": "REPEATABLE READ",
  serializable: "SERIALIZABLE",
} as const;

async function connected({ connectionString }: LibraryTarget): Promise<DataSource> {
  const dataSource = new DataSource({
    type: "postgres",
    url: connectionString,
    poolSize: 4,
    installExtensions: false,
  });
  return await dataSource.initialize();
}

/** Transactions by their manager. */
export const typeormLibrary: PostgresLibrary<EntityManager> = {
  name: "TypeORM",
  package: "typeorm",
  subpath: "owed/typeorm",
  afterCommit: "a subscriber",
  refused: "a `DataSource` does not compile; a manager outside a transaction throws",
  async connect(target): Promise<ConnectedLibrary<EntityManager>> {
    const dataSource = await connected(target);
    return {
      transactions: typeormTransactions(),
      transaction: (work, isolation = "read committed") => dataSource.transaction(levels[isolation], work),
      rolledBack: async (work) => {
        const runner = dataSource.createQueryRunner();
        await runner.startTransaction();
        await work(runner.manager);
        await runner.rollbackTransaction();
        await runner.release();
      },
      nested: (manager, work) => manager.transaction(work),
      sql: (manager, text) => manager.query(text),
      committedWork: (scheduler, work, isolation = "read committed") =>
        transaction(
          scheduler,
          dataSource,
          async (manager: EntityManager) => await work(manager),
          levels[isolation],
        ),
      notTransactions: { dataSource, manager: dataSource.manager, runner: dataSource.createQueryRunner() },
      close: () => dataSource.destroy(),
    };
  },
};
