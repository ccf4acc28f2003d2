// Sequelize on Postgres.
import { sequelizeTransactions, transaction } from "owed/sequelize";
import { QueryTypes, Sequelize, Transaction } from "sequelize";
import type { PostgresLibrary } from "../../adapters/postgres-library.ts";

const levels = {
  "read committed": Transaction.ISOLATION_LEVELS.READ_COMMITTED,
  "repeatable read": Transaction.ISOLATION_LEVELS.REPEATABLE_READ,
  serializable: Transaction.ISOLATION_LEVELS.SERIALIZABLE,
} as const;

/** Managed and unmanaged transactions. */
export const sequelizeLibrary: PostgresLibrary<Transaction> = {
  name: "Sequelize",
  package: "sequelize",
  subpath: "owed/sequelize",
  afterCommit: "`transaction.afterCommit`",
  refused: "a `Sequelize` does not compile; an ended transaction throws",
  async connect({ connectionString }) {
    const sequelize = new Sequelize(connectionString, { logging: false, pool: { max: 4 } });
    const ended = await sequelize.transaction();
    await ended.commit();
    return {
      transactions: sequelizeTransactions(),
      transaction: (work, isolation = "read committed") =>
        sequelize.transaction({ isolationLevel: levels[isolation] }, work),
      rolledBack: async (work) => {
        const unmanaged = await sequelize.transaction();
        await work(unmanaged);
        await unmanaged.rollback();
      },
      nested: (around, work) => sequelize.transaction({ transaction: around }, work),
      sql: (around, text) =>
        sequelize.query(text, {
          transaction: around,
          type: text.startsWith("select") ? QueryTypes.SELECT : QueryTypes.RAW,
        }),
      committedWork: (scheduler, work, isolation = "read committed") =>
        transaction(scheduler, sequelize, async (around: Transaction) => await work(around), {
          isolationLevel: levels[isolation],
        }),
      notTransactions: { sequelize, ended },
      close: () => sequelize.close(),
    };
  },
};
