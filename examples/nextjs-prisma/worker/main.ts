// The worker process of the shop: executes what the web process owes, and tells its health over HTTP.
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { Scheduler } from "owed";
import { postgresStore } from "owed/postgres";
import { databaseUrl } from "../server/database-url.ts";
import { receiptExecutor } from "./receipt-executor.ts";

const { MAILER_URL = "http://127.0.0.1:2525/", WORKER_PORT = "3001" } = process.env;

const scheduler = new Scheduler({
  store: postgresStore({ connectionString: databaseUrl() }),
  executors: [receiptExecutor(MAILER_URL)],
  logger: console,
});
await scheduler.start(); // makes the tables of owed, and registers this process
scheduler.startWorker();

const server = createServer((_request, response) => void tellHealth(response)).listen(Number(WORKER_PORT));

async function tellHealth(response: ServerResponse) {
  const health = await healthNow();
  response.writeHead(health.isHealthy ? 200 : 503, { "content-type": "application/json" });
  response.end(JSON.stringify(health));
}

async function healthNow() {
  const { isHealthy, problems } = scheduler.health();
  try {
    const { pending, failed, running } = await scheduler.stats();
    return { isHealthy, database: true, problems, pending, failed, running: running.worker };
  } catch (error) {
    return { isHealthy: false, database: false, problems: [...problems, String(error)] };
  }
}

/** Ends what runs; the rest is left to the next process. Health is told until the end. */
async function shutDown() {
  await scheduler.stop({ graceMs: 10_000 });
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
}

for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void shutDown());
