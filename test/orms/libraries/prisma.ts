// Prisma with its driver adapter for `pg`.
import { createRequire } from "node:module";
import { PrismaPg } from "@prisma/adapter-pg";
import { prismaTransactions, transaction } from "owed/prisma";
import { type PostgresLibrary, rolledBackBy } from "../../adapters/postgres-library.ts";
import type { Prisma, PrismaClient } from "../node_modules/.prisma-client/index.js";

const require = createRequire(import.meta.url);
const levels = {
  "read committed": "ReadCommitted",
  "repeatable read": "RepeatableRead",
  serializable: "Serializable",
} as const;
const rollback = new Error("roll back");

/** The client that `prisma generate` has made. */
export const prismaLibrary: PostgresLibrary<Prisma.TransactionClient> = {
  name: "Prisma on @prisma/adapter-pg",
  package: "@prisma/client",
  subpath: "owed/prisma",
  afterCommit: "verified read",
  refused: "a `PrismaClient` does not compile",
  lacks: { "after-commit": "Prisma has no hook" },
  async connect({ connectionString }) {
    // It is CommonJS, and there once `npm run adapters` has generated it.
    const { PrismaClient: Client } = require("../node_modules/.prisma-client/index.js") as {
      PrismaClient: typeof PrismaClient;
    };
    const prisma = new Client({ adapter: new PrismaPg({ connectionString, max: 4 }) });
    return {
      transactions: prismaTransactions(),
      transaction: (work, isolation = "read committed") =>
        prisma.$transaction(work, { isolationLevel: levels[isolation] }),
      rolledBack: (work) =>
        rolledBackBy(
          rollback,
          prisma.$transaction(async (tx) => {
            await work(tx);
            throw rollback;
          }),
        ),
      nested: async (tx, work) => {
        await tx.$executeRawUnsafe("savepoint nested");
        try {
          return await work(tx);
        } catch (error) {
          await tx.$executeRawUnsafe("rollback to savepoint nested");
          throw error;
        }
      },
      sql: async (tx, text) =>
        text.startsWith("select")
          ? ((await tx.$queryRawUnsafe(text)) as unknown[])
          : [await tx.$executeRawUnsafe(text)],
      committedWork: (scheduler, work, isolation = "read committed") =>
        transaction(scheduler, prisma, async (tx: Prisma.TransactionClient) => await work(tx), {
          isolationLevel: levels[isolation],
        }),
      notTransactions: { prisma },
      close: () => prisma.$disconnect(),
    };
  },
};
