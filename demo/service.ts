/** The payment service, as a process of its own: HTTP in front, the payment book behind, a worker beside. */
import { subscribe } from "node:diagnostics_channel";
import { rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TelemetryEvents } from "owed";
import { MomentLog } from "./moments.ts";
import { type DatabaseLocation, openPaymentBook } from "./payment-book.ts";
import { type Outside, type Payment, paymentExecutors } from "./tasks.ts";

/** What the service is started with, as JSON in its first argument. */
export interface ServiceSettings extends Outside {
  readonly database: DatabaseLocation;
  readonly momentsFile: string;
  /** Removed by the service when whoever started it has died. */
  readonly folder: string;
}

/** What the service tells the process that started it. */
export type ServiceMessage =
  | { readonly kind: "registered"; readonly owner: string }
  | { readonly kind: "declared-dead"; readonly owner: string }
  | { readonly kind: "ready"; readonly port: number };

const STOP_GRACE_MS = 3_000;

const settings = JSON.parse(process.argv[2] ?? "{}") as ServiceSettings; // written by service-process.ts
const tell = (message: ServiceMessage): void => void process.send?.(message);

// Ctrl-C reaches every process of the terminal; the one that started this service decides what it means.
process.on("SIGINT", () => undefined);
process.on("SIGHUP", () => undefined);
// Whoever started it has died: nobody else would end it, or clear up.
process.on("disconnect", () => {
  rmSync(settings.folder, { recursive: true, force: true });
  process.exit(1);
});

const moments = new MomentLog(settings.momentsFile);
subscribe("owed:attempt.start", (event) => {
  const { taskId, referenceId, path } = event as TelemetryEvents["attempt.start"];
  moments.started(taskId, referenceId ?? "", path);
});
subscribe("owed:process.registered", (event) => {
  tell({ kind: "registered", owner: (event as TelemetryEvents["process.registered"]).owner });
});
subscribe("owed:process.declared-dead", (event) => {
  tell({ kind: "declared-dead", owner: (event as TelemetryEvents["process.declared-dead"]).owner });
});
subscribe("owed:store.unavailable", (event) => {
  const { operation, error } = event as TelemetryEvents["store.unavailable"];
  process.stderr.write(`${operation}: ${error.message}, trying again\n`);
});

const book = await openPaymentBook(settings.database, paymentExecutors(settings));
await book.scheduler.start();
await book.createTable();
book.scheduler.startWorker();
process.on("message", (message) => {
  if (message === "stop") void stop();
});

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    process.stderr.write(`${request.method} ${request.url}: ${String(error)}\n`);
    response.writeHead(500).end();
  });
});
server.listen(0, "127.0.0.1", () => {
  tell({ kind: "ready", port: (server.address() as AddressInfo).port }); // a TCP server has one once it listens
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== "POST" || request.url !== "/payments") {
    response.writeHead(404).end();
    return;
  }
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { paymentId, amountCents } = JSON.parse(Buffer.concat(chunks).toString()) as Payment; // the demo's own driver
  const isNew = await book.pay({ paymentId, amountCents }, () => moments.committing(paymentId));
  response.writeHead(isNew ? 201 : 200).end();
}

async function stop(): Promise<void> {
  server.close();
  server.closeIdleConnections();
  await book.scheduler.stop({ graceMs: STOP_GRACE_MS });
  process.exit(0);
}
