// npm run subscribe -- ada@example.com 900: another program of the shop, which writes into the same file.
import { randomUUID } from "node:crypto";
import { Scheduler } from "owed";
import { sqliteStore } from "owed/sqlite";
import { createTables } from "./shop-file.ts";

const [email, amountCents = "900"] = process.argv.slice(2);
if (email === undefined) throw new Error("usage: npm run subscribe -- EMAIL [CENTS]");

const scheduler = new Scheduler({ store: sqliteStore({ file: process.env.SHOP_FILE ?? "shop.db" }) });
await scheduler.start();
await createTables(scheduler);
await scheduler.transaction((tx) => {
  tx.run(
    "insert into subscription (id, email, amount_cents, due_at) values (?, ?, ?, ?)",
    randomUUID(),
    email,
    Number(amountCents),
    Date.now(),
  );
});
await scheduler.stop();
