// The first migration of the shop: its table of orders.
import type { MigrationInterface, QueryRunner } from "typeorm";

/** TypeORM orders migrations by the number at the end of their names. */
export class CreateOrders1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      "create table orders (id uuid primary key, email text not null, amount_cents integer not null)",
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query("drop table orders");
  }
}
