// What a scheduler infers from the adapters of the libraries in here, and what must not compile. Checked by `tsc`; never run.

import type { PGlite } from "@electric-sql/pglite";
import type { MikroORM } from "@mikro-orm/postgresql";
import type { Knex } from "knex";
import { defineTask, type Receipt, Scheduler } from "owed";
import * as onKnex from "owed/knex";
import * as onMikroOrm from "owed/mikro-orm";
import * as onPglite from "owed/pglite";
import { postgresStore } from "owed/postgres";
import * as onPrisma from "owed/prisma";
import * as onSequelize from "owed/sequelize";
import * as onTypeorm from "owed/typeorm";
import type pg from "pg";
import type { Sequelize } from "sequelize";
import type { DataSource } from "typeorm";
import { expectTypeOf } from "vitest";
import type { PrismaClient } from "./node_modules/.prisma-client/index.js";

declare const pool: pg.Pool;
declare const knex: Knex;
declare const prisma: PrismaClient;
declare const sequelize: Sequelize;
declare const dataSource: DataSource;
declare const orm: MikroORM;
declare const pglite: PGlite;

const definition = defineTask<{ readonly id: string }>({ type: "a" });
const data = { id: "x" };

/** The `trx`, and not the `knex`. */
export async function withKnex(): Promise<void> {
  const scheduler = new Scheduler({
    store: postgresStore({ pool, transactions: onKnex.knexTransactions() }),
  });
  await knex.transaction(async (trx) => {
    expectTypeOf(await scheduler.enqueue(trx, definition, data)).toEqualTypeOf<Receipt>();
    await trx.transaction(async (nested) => scheduler.enqueue(nested, definition, data));
  });
  const { value } = await onKnex.transaction(scheduler, knex, async (trx) => {
    await trx("payment").insert({ id: "x" });
    await scheduler.enqueue(trx, definition, data);
    return 5;
  });
  expectTypeOf(value).toEqualTypeOf<number>();
  // @ts-expect-error: a knex is no transaction
  await scheduler.enqueue(knex, definition, data);
}

/** The `tx`, and not the client. */
export async function withPrisma(): Promise<void> {
  const scheduler = new Scheduler({
    store: postgresStore({ pool, transactions: onPrisma.prismaTransactions() }),
  });
  await prisma.$transaction(async (tx) => scheduler.enqueue(tx, definition, data));
  const { value } = await onPrisma.transaction(
    scheduler,
    prisma,
    async (tx) => {
      await tx.unused.create({ data: { id: 1 } });
      return scheduler.enqueue(tx, definition, data);
    },
    { isolationLevel: "Serializable" },
  );
  expectTypeOf(value).toEqualTypeOf<Receipt>();
  // @ts-expect-error: a client is no transaction
  await scheduler.enqueue(prisma, definition, data);
}

/** The transaction, and not the Sequelize. */
export async function withSequelize(): Promise<void> {
  const scheduler = new Scheduler({
    store: postgresStore({ pool, transactions: onSequelize.sequelizeTransactions() }),
  });
  await sequelize.transaction(async (transaction) => scheduler.enqueue(transaction, definition, data));
  await onSequelize.transaction(scheduler, sequelize, async (transaction) =>
    scheduler.enqueue(transaction, definition, data),
  );
  // @ts-expect-error: a Sequelize is no transaction
  await scheduler.enqueue(sequelize, definition, data);
}

/** The manager or the query runner, and not the data source. */
export async function withTypeorm(): Promise<void> {
  const scheduler = new Scheduler({
    store: postgresStore({ pool, transactions: onTypeorm.typeormTransactions() }),
  });
  await dataSource.transaction(async (manager) => scheduler.enqueue(manager, definition, data));
  await scheduler.enqueue(dataSource.createQueryRunner(), definition, data);
  const { value } = await onTypeorm.transaction(scheduler, dataSource, async (manager) =>
    scheduler.enqueue(manager, definition, data),
  );
  expectTypeOf(value).toEqualTypeOf<Receipt>();
  // @ts-expect-error: a data source is no transaction
  await scheduler.enqueue(dataSource, definition, data);
}

/** Here every `em` has one type: one outside a transaction is refused at run time only. */
export async function withMikroOrm(): Promise<void> {
  const scheduler = new Scheduler({
    store: postgresStore({ pool, transactions: onMikroOrm.mikroOrmTransactions(orm) }),
  });
  await orm.em.transactional(async (em) => scheduler.enqueue(em, definition, data));
  await onMikroOrm.transaction(scheduler, orm.em.fork(), async (em) =>
    scheduler.enqueue(em, definition, data),
  );
  // @ts-expect-error: an orm is no transaction
  await scheduler.enqueue(orm, definition, data);
}

/** The `tx`, and not the PGlite. */
export async function withPglite(): Promise<void> {
  const scheduler = new Scheduler({
    store: postgresStore({ pool, transactions: onPglite.pgliteTransactions() }),
  });
  await pglite.transaction(async (tx) => scheduler.enqueue(tx, definition, data));
  await onPglite.transaction(scheduler, pglite, async (tx) => scheduler.enqueue(tx, definition, data));
  // @ts-expect-error: a PGlite is no transaction
  await scheduler.enqueue(pglite, definition, data);
}
