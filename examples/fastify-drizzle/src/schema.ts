// The tables of the shop, as Drizzle knows them.
import { integer, pgTable, text, uuid } from "drizzle-orm/pg-core";

/** Orders that were taken. */
export const orders = pgTable("orders", {
  id: uuid().primaryKey(),
  email: text().notNull(),
  amountCents: integer("amount_cents").notNull(),
});
