// A shop: takes orders over HTTP, owes a receipt for each, and sends it from the same process.
import { once } from "node:events";
import { serve } from "@hono/node-server";
import pg from "pg";
import { createApp } from "./app.ts";
import { migrate, openDatabase } from "./database.ts";
import { createScheduler } from "./scheduler.ts";

const {
  DATABASE_URL = "postgres://localhost/shop",
  MAILER_URL = "http://127.0.0.1:2525/",
  PORT = "3000",
} = process.env;

const pool = new pg.Pool({ connectionString: DATABASE_URL });
pool.on("error", (error) => console.error("an idle connection was lost", error));
const db = openDatabase(pool);
await migrate(db);

const scheduler = createScheduler(pool, MAILER_URL);
await scheduler.start(); // makes the tables of owed, and registers this process
scheduler.startWorker(); // retries, and takes over what other processes leave behind

const app = createApp(db, scheduler);
const server = serve({ fetch: app.fetch, port: Number(PORT) });

/** Takes no more requests, ends those that run, then what is owed and runs; the rest is left to the next process. */
async function shutDown() {
  const closed = once(server, "close");
  server.close();
  const patience = setTimeout(() => "closeAllConnections" in server && server.closeAllConnections(), 5_000);
  await closed;
  clearTimeout(patience);
  await scheduler.stop({ graceMs: 10_000 });
  await db.destroy(); // ends the pool as well
}

for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void shutDown());
