// A dashboard before a real store, a worker whose merchant is dead until it is mended, and a browser to look at it with.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type BoundExecutor, constant, defineTask, executor, PermanentError, Scheduler } from "owed";
import { dashboard, nodeHandler } from "owed/dashboard";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { type kinds, openPlace, type Place } from "../cli/kinds.ts";

const receipt = defineTask<{ readonly paymentId: string }>({ type: "receipt.send" });
const webhook = defineTask<{ readonly paymentId: string }>({ type: "webhook.deliver" });
const crm = defineTask<{ readonly paymentId: string }>({ type: "crm.sync" });

/** What stands behind the browser. */
export interface Shop extends AsyncDisposable {
  readonly place: Place;
  readonly scheduler: Scheduler<unknown, unknown, boolean>;
  /** Where the dashboard is. */
  readonly url: string;
  /** From now on the merchant answers. */
  mend(): void;
  /** Enqueues tasks `prefix:from` to `prefix:to`, with the references `order-from` to `order-to`. */
  enqueue(definition: keyof typeof definitions, prefix: string, from: number, to: number): Promise<void>;
  /** Waits until no task is left that a worker would attempt at once. */
  quiet(): Promise<void>;
}

const definitions = { receipt, webhook, crm };

function executorsOf(isMended: () => boolean): BoundExecutor[] {
  return [
    executor(receipt, ({ data }) => {
      if (data.paymentId === "9") throw new PermanentError("the mailbox is gone");
    }),
    executor(webhook, () => {
      if (isMended()) return;
      throw Object.assign(new Error("connect ECONNREFUSED 10.0.0.7:443"), { code: "ECONNREFUSED" });
    }),
  ];
}

/** Opens the shop on a database of its own. */
export async function openShop(kind: (typeof kinds)[number]): Promise<Shop> {
  const place = await openPlace(kind);
  let isMended = false;
  const scheduler = new Scheduler<unknown, unknown, boolean>({
    store: place.store,
    executors: executorsOf(() => isMended),
    maxFailedAttempts: 2,
    backoff: constant({ delayMs: 50 }),
  });
  await scheduler.start();
  scheduler.startWorker({ pollIntervalMs: 100 });
  const basePath = "/admin/owed";
  const handler = nodeHandler(
    dashboard({ store: place.store, basePath, authorize: () => "ann@shop.example" }),
  );
  const server = createServer(handler);
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // it listens on a port
  return {
    place,
    scheduler,
    url: `http://127.0.0.1:${port}${basePath}`,
    mend: () => void (isMended = true),
    async enqueue(definition, prefix, from, to) {
      const tasks = Array.from({ length: to - from + 1 }, (_, index) => {
        const number = String(from + index);
        const data = new TextEncoder().encode(JSON.stringify({ paymentId: number }));
        const { type } = definitions[definition];
        return {
          taskId: `${prefix}:${number}`,
          type,
          data,
          codec: "json",
          key: null,
          referenceId: `order-${number}`,
        };
      });
      const rest = {
        headers: null,
        delayMs: 0,
        dueAtMs: null,
        bornClaimed: false,
        onDuplicate: "compare",
      } as const;
      await place.enqueue(tasks.map((task) => ({ ...task, ...rest })));
    },
    async quiet() {
      for (;;) {
        const { tasks } = await place.store.list({ state: "pending", limit: 100, order: "ascending" });
        if (tasks.every(({ type }) => type === crm.type)) return;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await scheduler.stop({ graceMs: 0 });
      await place[Symbol.asyncDispose]();
    },
  };
}

/** A page of a browser, and what went wrong in it. */
export interface Tab extends AsyncDisposable {
  readonly page: Page;
  /** Errors of scripts, violations of the policy, dialogs, and requests to other hosts. */
  readonly troubles: readonly string[];
}

/** Opens a page that notes its troubles. */
export async function openTab(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Tab> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const troubles: string[] = [];
  const { host } = new URL(url);
  page.on("pageerror", (error) => troubles.push(`error: ${error.message}`));
  page.on("console", (message) => message.type() === "error" && troubles.push(`console: ${message.text()}`));
  page.on("dialog", (dialog) => {
    troubles.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    if (new URL(request.url()).host !== host) troubles.push(`request: ${request.url()}`);
  });
  return { page, troubles, [Symbol.asyncDispose]: () => context.close() };
}
