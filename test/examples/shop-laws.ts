// What every shop among the examples must keep: it is killed in the middle of a burst of orders, started again, and stopped.
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { exampleFolder } from "./example-folder.ts";
import { type MailProvider, startMailProvider } from "./mail-provider.ts";
import { createShopDatabase, postOrders, type ShopDatabase } from "./orders.ts";
import { Service } from "./service.ts";

/** A program of an example. */
export interface ShopProgram {
  readonly argv: readonly string[];
  readonly portVariable: string;
  /** How it ends after SIGTERM. */
  readonly exitCode: number;
}

/** An example. */
export interface Shop {
  readonly name: string;
  /** The program that takes orders. */
  readonly web: ShopProgram;
  /** The program that executes what is owed, where it is another. */
  readonly worker?: ShopProgram;
  /** SQL that an operator runs before the first start. */
  readonly migration?: string;
}

/** A program in TypeScript, run as its README says. */
export function typescriptProgram(main: string): ShopProgram {
  return { argv: ["--import", "tsx", main], portVariable: "PORT", exitCode: 0 };
}

const STOP_WITHIN_MS = 20_000;
const RECOVERED_WITHIN_MS = 60_000;

/** The processes of a shop; they are killed, started and stopped together. */
class Team implements AsyncDisposable {
  readonly #programs: readonly ShopProgram[];
  readonly #folder: string;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #services: Service[] = [];

  constructor(shop: Shop, folder: string, environment: Readonly<Record<string, string>>) {
    // The worker first: it makes the tables of owed.
    this.#programs = [shop.worker, shop.web].filter((program) => program !== undefined);
    this.#folder = folder;
    this.#environment = environment;
  }

  /** The process that takes orders. */
  get web(): Service {
    const web = this.#services.at(-1);
    if (web === undefined) throw new Error("the shop is closed");
    return web;
  }

  async start(): Promise<void> {
    for (const { argv, portVariable } of this.#programs) {
      const place = { folder: this.#folder, environment: this.#environment };
      this.#services.push(await Service.start({ ...place, argv, portVariable }));
    }
  }

  async kill(): Promise<void> {
    await Promise.all(this.#services.splice(0).map((service) => service.kill()));
  }

  /** How each process ended, as against how it should have. */
  async stop(): Promise<{ readonly ended: readonly unknown[]; readonly wanted: readonly unknown[] }> {
    const ended = await Promise.all(this.#services.splice(0).map((service) => service.stop(STOP_WITHIN_MS)));
    return { ended, wanted: this.#programs.map(({ exitCode }) => ({ code: exitCode, left: [] })) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/** Orders whose receipts were sent. */
function receipted(mails: MailProvider): string[] {
  return [...mails.sent.keys()].map((key) => key.replace(/^receipt:/, "")).sort();
}

const committed = (database: ShopDatabase): Promise<string[]> =>
  database.column("select id::text from orders order by id::text");

async function allReceipted(database: ShopDatabase, mails: MailProvider): Promise<void> {
  const deadline = performance.now() + RECOVERED_WITHIN_MS;
  while (performance.now() < deadline) {
    const pending = await database.column("select count(*) from owed.pending");
    if (Number(pending[0]) === 0 && mails.sent.size >= (await committed(database)).length) return;
    await sleep(200);
  }
}

/** Registers the laws of a shop. */
export function testShop(shop: Shop): void {
  test("a receipt is sent for every order that was committed, and for no other, though the shop is killed in a burst; SIGTERM ends it in order", {
    timeout: 280_000,
  }, async () => {
    using folder = exampleFolder(shop.name);
    await using database = await createShopDatabase();
    await using mails = await startMailProvider();
    if (shop.migration !== undefined) await database.run(shop.migration);
    const environment = { DATABASE_URL: database.connectionString, MAILER_URL: mails.url };
    await using team = new Team(shop, folder.path, environment);

    await team.start();
    expect(await team.web.post("/orders", { email: "nobody", amountCents: 1 })).toBe(400);
    expect(await team.web.post("/orders", { email: "first@shop.example", amountCents: 100 })).toBe(201);
    await allReceipted(database, mails);
    expect(receipted(mails)).toEqual(await committed(database));
    await database.refuseSome();

    const kills: Promise<void>[] = [];
    const burst = await postOrders(team.web, 160, (answers) => {
      if (answers === 80) kills.push(team.kill());
    });
    await Promise.all(kills);
    expect(burst.unanswered).toBeGreaterThan(0);
    expect(burst.refused).toBeGreaterThan(0);
    const unsent = (await committed(database)).length - mails.sent.size;
    expect(unsent, "orders whose receipt was owed when the shop died").toBeGreaterThan(0);

    await team.start();
    const after = await postOrders(team.web, 40);
    expect(after).toEqual({ accepted: 35, refused: 5, unanswered: 0 });
    await allReceipted(database, mails);
    const orders = await committed(database);
    expect(orders.length).toBeGreaterThanOrEqual(1 + burst.accepted + after.accepted);
    expect(receipted(mails)).toEqual(orders);
    expect(mails.refused).toBeGreaterThan(0);
    const states = await database.column(
      "select state || ' ' || count(*) from owed.task_state group by state",
    );
    expect(states).toEqual([`confirmed ${orders.length}`]);
    expect(await team.web.health()).toMatchObject({ status: 200, database: true, pending: 0, failed: 0 });
    if (shop.worker !== undefined) expect(await team.web.health()).toMatchObject({ workers: 1 });

    await stopsInOrder(team, database);
  });
}

/** Stops while receipts are owed: nothing is left behind, and what was not sent stands. */
async function stopsInOrder(team: Team, database: ShopDatabase): Promise<void> {
  const before = (await committed(database)).length;
  await postOrders(team.web, 3);
  const { ended, wanted } = await team.stop();
  expect(ended).toEqual(wanted);
  const orders = await committed(database);
  expect(orders.length).toBe(before + 2);
  const owed = await database.column("select reference_id from owed.task_state order by 1");
  expect(owed).toEqual(orders);
  expect(await database.column("select owner from owed.process")).toEqual([]);
  expect(await database.column("select id from owed.pending where owner is not null")).toEqual([]);
  expect(await database.connections()).toBe(0);
}
