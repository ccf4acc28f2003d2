// MikroORM on Postgres.
import { IsolationLevel, MikroORM, type SqlEntityManager } from "@mikro-orm/postgresql";
import { mikroOrmTransactions, transaction } from "owed/mikro-orm";
import type { PostgresLibrary } from "../../adapters/postgres-library.ts";

const levels = {
  "read committed": IsolationLevel.READ_COMMITTED,
  "repeatable read": IsolationLevel.REPEATABLE_READ,
  serializable: IsolationLevel.SERIALIZABLE,
} as const;

/** Transactions by their entity manager. */
export const mikroOrmLibrary: PostgresLibrary<SqlEntityManager> = {
  name: "MikroORM",
  package: "@mikro-orm/postgresql",
  subpath: "owed/mikro-orm",
  afterCommit: "an event subscriber",
  refused: "everything that has the type of an `em` compiles; an `em` outside a transaction throws",
  async connect({ connectionString }) {
    const orm = await MikroORM.init({
      clientUrl: connectionString,
      entities: [],
      discovery: { warnWhenNoEntities: false },
      pool: { min: 0, max: 4 },
      debug: false,
    });
    const em: SqlEntityManager = orm.em.fork();
    return {
      transactions: mikroOrmTransactions(orm),
      transaction: (work, isolation = "read committed") =>
        em.fork().transactional(work, { isolationLevel: levels[isolation] }),
      rolledBack: async (work) => {
        const fork = em.fork();
        await fork.begin();
        await work(fork);
        await fork.rollback();
      },
      nested: (around, work) => around.transactional(work),
      sql: async (around, text) => {
        const answer: unknown = await around.execute(text, [], text.startsWith("select") ? "all" : "run");
        return Array.isArray(answer) ? answer : [answer];
      },
      committedWork: (scheduler, work, isolation = "read committed") =>
        transaction(scheduler, em.fork(), async (around: SqlEntityManager) => await work(around), {
          isolationLevel: levels[isolation],
        }),
      notTransactions: { em, orm },
      close: () => orm.close(),
    };
  },
};
