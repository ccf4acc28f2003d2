// The example with SQLite keeps what it promises: killed while it bills, it sends every invoice that was committed, and no other.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Scheduler } from "owed";
import { sqliteStore } from "owed/sqlite";
import { expect, test } from "vitest";
import { exampleFolder } from "./example-folder.ts";
import { type MailProvider, startMailProvider } from "./mail-provider.ts";
import { Service } from "./service.ts";

const STOP_WITHIN_MS = 20_000;
const PATIENCE_MS = 60_000;

/** The file of the shop, as another program of it sees it. */
function openShop(file: string) {
  const scheduler = new Scheduler({ store: sqliteStore({ file }) });
  const ids = async (sql: string): Promise<string[]> => {
    const { value } = await scheduler.transaction((tx) => tx.all<{ id: string }>(sql));
    return value.map(({ id }) => id);
  };
  const run = async (sql: string): Promise<void> => {
    await scheduler.transaction((tx) => void tx.run(sql));
  };
  const subscribe = async (from: number, to: number): Promise<void> => {
    await scheduler.transaction((tx) => {
      for (let index = from; index < to; index += 1)
        tx.run(
          "insert into subscription (id, email, amount_cents, due_at) values (?, ?, 900, ?)",
          `s${index}`,
          `customer-${index}@shop.example`,
          Date.now() - 1_000,
        );
    });
  };
  const pending = (): Promise<number> => scheduler.count("pending");
  return { ids, run, subscribe, pending, [Symbol.asyncDispose]: () => scheduler.stop() };
}

async function until(says: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error(`not in ${PATIENCE_MS} ms: ${says}`);
    await sleep(50);
  }
}

const invoiced = (mails: MailProvider): string[] =>
  [...mails.sent.keys()].map((key) => key.replace(/^invoice:/, "")).sort();

test("an invoice is sent for every subscription that was billed, and for no other, though the job is killed; SIGTERM ends it in order", {
  timeout: 280_000,
}, async () => {
  const data = mkdtempSync(join(tmpdir(), "owed-cron-"));
  try {
    using folder = exampleFolder("cron-sqlite");
    await using mails = await startMailProvider();
    const environment = { SHOP_FILE: join(data, "shop.db"), MAILER_URL: mails.url, BILL_EVERY_MS: "300" };
    const program = { folder: folder.path, environment, portVariable: "PORT" };
    const start = (): Promise<Service> =>
      Service.start({ ...program, argv: ["--import", "tsx", "src/main.ts"] });
    await using first = await start();
    await using shop = openShop(environment.SHOP_FILE);

    // A billing that fails at its thirtieth invoice is undone, and what it had enqueued with it.
    await shop.run(`create trigger refuse before insert on invoice when (select count(*) from invoice) >= 29
      begin select raise(abort, 'no more invoices today'); end`);
    await shop.subscribe(0, 60);
    await until("it failed twice", () => first.output.split("no more invoices today").length > 2);
    expect(await shop.ids("select id from invoice")).toEqual([]);
    await sleep(500);
    expect(invoiced(mails)).toEqual([]);
    await shop.run("drop trigger refuse");

    await shop.subscribe(60, 240);
    await until("it is in the middle of it", () => mails.sent.size >= 40);
    await first.kill();
    const unsent = (await shop.ids("select id from invoice")).length - mails.sent.size;
    expect(unsent, "invoices whose sending was owed when the job died").toBeGreaterThan(0);

    await using second = await start();
    await until("all are billed", async () => (await shop.ids("select id from invoice")).length === 240);
    await until("all is sent", async () => (await shop.pending()) === 0);
    expect(invoiced(mails)).toEqual(await shop.ids("select id from invoice order by id"));
    expect(await second.health()).toMatchObject({ status: 200, database: true, pending: 0, failed: 0 });

    await shop.subscribe(240, 280);
    await until("the last are billed", async () => (await shop.ids("select id from invoice")).length === 280);
    expect(await second.stop(STOP_WITHIN_MS)).toEqual({ code: 0, left: [] });
    await using third = await start();
    await until("the rest is sent", () => mails.sent.size === 280);
    expect(await third.stop(STOP_WITHIN_MS)).toEqual({ code: 0, left: [] });
    expect(invoiced(mails)).toEqual(await shop.ids("select id from invoice order by id"));
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
});
