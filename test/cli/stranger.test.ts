// A stranger mends a stuck system with docs/operations.md alone: its commands are run as they stand there, in their order.
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newTask } from "../../src/conformance/scene.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { freePort } from "../support/server-process.ts";
import { type InstalledCommand, installCommand } from "./installed-command.ts";
import { kinds, openPlace, type Place } from "./kinds.ts";

const isFull = process.env["OWED_TEST_FULL"] === "1";
const HOUR_MS = 3_600_000;
const page = readFileSync(new URL("../../docs/operations.md", import.meta.url), "utf8");
/** The commands of the section, a line each. */
const steps = [...page.matchAll(/<!-- example: mend -->\s*```sh\n([^]*?)```/g)].flatMap(([, block = ""]) =>
  block.split("\n").filter((line) => line !== ""),
);

let owed: InstalledCommand;
/** A server in order: the shared one runs without fsync, which the doctor tells. */
let server: PostgresServer | undefined;
beforeAll(async () => {
  owed = installCommand();
  if (isFull) server = await startPostgres({ major: 18, durable: true });
});
afterAll(async () => {
  owed[Symbol.dispose]();
  await server?.[Symbol.asyncDispose]();
});

const names = (kind: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${kind}:${String(index).padStart(4, "0")}`);

/** Deliveries fail while the merchant is dead; receipts hang while the mail server does (a file tells). */
const shopWorker = `import { existsSync } from "node:fs";
import { constant, defineTask, executor } from "owed";
const webhook = defineTask({ type: "webhook.deliver", maxFailedAttempts: 2, backoff: constant({ delayMs: 50 }) });
const receipt = defineTask({ type: "receipt.send" });
export const executors = [
  executor(webhook, async ({ taskId, signal }) => {
    await fetch(process.env.MERCHANT, { method: "POST", body: taskId, signal });
  }),
  executor(receipt, async ({ signal }) => {
    console.log("sending");
    while (existsSync("mail-server-hangs")) await new Promise((resolve) => setTimeout(resolve, 50));
    signal.throwIfAborted();
  }),
];
`;
const crmWorker = `import { defineTask, executor } from "owed";
export const executors = [executor(defineTask({ type: "crm.sync" }), async () => {})];
`;

/** Starts a line of shell. */
function start(line: string, env: Readonly<Record<string, string>>): ChildProcess {
  return spawn("bash", ["--norc", "-c", line], {
    cwd: owed.folder,
    env: {
      PATH: [join(owed.folder, "node_modules", ".bin"), process.env["PATH"]].join(delimiter),
      HOME: owed.folder,
      TZ: "UTC",
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

function ended(child: ChildProcess): Promise<Ended> {
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => void (output += chunk.toString()));
  }
  return new Promise((resolve) => void child.once("close", (code) => resolve({ code, output })));
}

/** A killed worker that held 20 tasks, two orphaned types, and 1,000 deliveries that failed for good. */
async function breakEverything(place: Place, env: Readonly<Record<string, string>>): Promise<void> {
  writeFileSync(join(owed.folder, "shop-worker.mjs"), shopWorker);
  writeFileSync(join(owed.folder, "crm-worker.mjs"), crmWorker);
  writeFileSync(join(owed.folder, "mail-server-hangs"), "");
  await place.enqueue([
    ...names("webhook", 1_000).map((id) => newTask(id, { type: "webhook.deliver" })),
    ...names("receipt", 20).map((id) => newTask(id, { type: "receipt.send" })),
  ]);
  await place.enqueue(
    [
      ...names("crm", 5).map((id) => newTask(id, { type: "crm.sync" })),
      ...names("export", 3).map((id) => newTask(id, { type: "export.nightly" })),
    ],
    Date.now() - HOUR_MS,
  );
  const worker = start("exec owed work shop-worker.mjs", env);
  const end = ended(worker);
  const isStuck = async (): Promise<boolean> => {
    const { tasks } = await place.store.list({
      state: "pending",
      type: "receipt.send",
      limit: 50,
      order: "ascending",
    });
    const held = tasks.filter(({ owner }) => owner !== null).length;
    return held === 20 && (await place.store.count("failed")) === 1_000;
  };
  await expect.poll(isStuck, { timeout: 60_000, interval: 200 }).toBe(true);
  worker.kill("SIGKILL");
  await end;
  // Somebody is woken up only later.
  const isSilent = async (): Promise<boolean> =>
    (await place.store.processes()).every(({ silentForMs, leaseMs }) => silentForMs > leaseMs);
  await expect.poll(isSilent, { timeout: 30_000, interval: 500 }).toBe(true);
}

/** Runs the steps; workers go on beside them, as in terminals of their own, until the end. */
async function mend(env: Readonly<Record<string, string>>): Promise<Map<string, Ended>> {
  const workers: ChildProcess[] = [];
  const answers = new Map<string, Ended>();
  try {
    for (const step of steps) {
      if (step.startsWith("owed work ")) workers.push(start(`exec ${step}`, env));
      else answers.set(answers.has(step) ? `${step} (again)` : step, await ended(start(step, env)));
    }
    return answers;
  } finally {
    const ends = workers.map((worker) => ended(worker));
    for (const worker of workers) worker.kill("SIGTERM");
    await Promise.all(ends);
  }
}

/** What a task is now: its state, and how often it was lost. */
async function standing({ store }: Place, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const tasks = await Promise.all(ids.map((id) => store.get(id)));
  return new Set(tasks.map((task) => `${task?.state}, lost ${task?.lostAttempts}`));
}

// skipped: the lease of a killed worker takes its time, so the long tier alone does it
describe.skipIf(!isFull).each(kinds)("on %s", (kind) => {
  it("a stranger who copies the commands of docs/operations.md mends a stuck system", async () => {
    await using place = await openPlace(kind, true, server?.connectionString);
    const port = await freePort();
    const env = { ...place.env, MERCHANT: `http://127.0.0.1:${port}/` };
    await breakEverything(place, env);
    const delivered: string[] = [];
    const merchant = createServer((request, response) => {
      request.on("data", (chunk: Buffer) => void delivered.push(chunk.toString()));
      request.on("end", () => response.end());
    });
    await new Promise<void>((resolve) => void merchant.listen(port, "127.0.0.1", resolve));
    rmSync(join(owed.folder, "mail-server-hangs"));
    const answers = await mend(env);
    merchant.close();
    merchant.closeAllConnections();

    for (const [step, { code, output }] of answers) {
      expect([step, code, output]).toEqual([step, step === "owed doctor" ? 7 : 0, expect.any(String)]);
    }
    const said = (step: string): string => answers.get(step)?.output ?? "";
    for (const problem of ["1,000 tasks have failed for good", "no process is alive"]) {
      expect(said("owed status")).toContain(problem);
    }
    expect(said("owed doctor")).toContain("are due and nobody alive runs them");
    expect(said("owed redrive --type webhook.deliver --dry-run")).toMatch(/1,?000 +webhook.deliver/);
    expect(said("owed task webhook:0001")).toContain("confirmed");
    expect(said(steps.find((step) => step.startsWith("for ")) ?? "")).toContain("all is in order");
    expect(said("owed tasks")).toBe("no failed task matches\n");

    expect(await standing(place, names("webhook", 1_000))).toEqual(new Set(["confirmed, lost 0"]));
    expect(delivered.sort()).toEqual(names("webhook", 1_000));
    expect(await standing(place, names("receipt", 20))).toEqual(new Set(["confirmed, lost 1"]));
    expect(await standing(place, names("crm", 5))).toEqual(new Set(["confirmed, lost 0"]));
    expect(await standing(place, names("export", 3))).toEqual(new Set(["cancelled, lost 0"]));
    expect(await place.store.balance()).toMatchObject({ enqueued: 1_028, confirmed: 1_025, cancelled: 3 });
  }, 280_000);
});

it("the page has the commands", () => {
  expect(steps.length).toBeGreaterThanOrEqual(14);
  for (const step of steps) expect(step).toMatch(/^(owed |sleep \d|for try in [\d ]+; do owed doctor )/);
});
