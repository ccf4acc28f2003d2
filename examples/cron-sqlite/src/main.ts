// A job that bills what is due, every minute, and sends the invoices; its health is told over HTTP.
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Scheduler } from "owed";
import { sqliteStore } from "owed/sqlite";
import { billAllDue } from "./billing.ts";
import { invoiceExecutor } from "./invoices.ts";
import { createTables } from "./shop-file.ts";

const {
  SHOP_FILE = "shop.db",
  MAILER_URL = "http://127.0.0.1:2525/",
  PORT = "3000",
  BILL_EVERY_MS = "60000",
} = process.env;

const scheduler = new Scheduler({
  store: sqliteStore({ file: SHOP_FILE }),
  executors: [invoiceExecutor(MAILER_URL)],
  logger: console,
});
await scheduler.start(); // makes the tables of owed, and registers this process
await createTables(scheduler);
scheduler.startWorker(); // retries, and takes over what other processes leave behind

const stopping = new AbortController();
const billing = billAgainAndAgain(stopping.signal);
const server = createServer((_request, response) => void tellHealth(response)).listen(Number(PORT));

async function billAgainAndAgain(signal: AbortSignal) {
  while (!signal.aborted) {
    await billAllDue(scheduler).catch((error) =>
      console.error("billing failed, the next time bills it", error),
    );
    await sleep(Number(BILL_EVERY_MS), undefined, { signal }).catch(() => undefined);
  }
}

async function tellHealth(response: ServerResponse) {
  const health = await healthNow();
  response.writeHead(health.isHealthy ? 200 : 503, { "content-type": "application/json" });
  response.end(JSON.stringify(health));
}

async function healthNow() {
  const { isHealthy, problems } = scheduler.health();
  try {
    const { pending, failed, oldestDueAgeMs } = await scheduler.stats();
    return { isHealthy, database: true, problems, pending, failed, oldestDueAgeMs };
  } catch (error) {
    return { isHealthy: false, database: false, problems: [...problems, String(error)] };
  }
}

/** Ends the billing that runs, then what is owed and runs; the rest is left to the next process. */
async function shutDown() {
  stopping.abort();
  await billing;
  await scheduler.stop({ graceMs: 10_000 });
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
}

for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void shutDown());
