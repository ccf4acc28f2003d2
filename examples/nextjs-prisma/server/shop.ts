// What the web process keeps from request to request: the connections of Prisma, and a scheduler that only enqueues.
import { PrismaPg } from "@prisma/adapter-pg";
import { Scheduler } from "owed";
import { postgresStore } from "owed/postgres";
import { prismaTransactions } from "owed/prisma";
import { PrismaClient } from "../generated/client";
import { databaseUrl } from "./database-url";

function openShop() {
  const connectionString = databaseUrl();
  return {
    prisma: new PrismaClient({ adapter: new PrismaPg({ connectionString }) }),
    // Without executors, and never started: it holds no task and has nothing to stop. Workers are told of each commit.
    scheduler: new Scheduler({
      store: postgresStore({ connectionString, transactions: prismaTransactions() }),
      fastPath: "off",
      logger: console,
    }),
  };
}

// `next dev` loads modules anew after each change; the connections outlive that here.
const kept = globalThis as { shop?: ReturnType<typeof openShop> };

/** The shop of this process; opened by the first request, so that a build needs no database. */
export function shop() {
  kept.shop ??= openShop();
  return kept.shop;
}
