// What the command does to tasks: redrive, cancel, prune, migrate. Run as it is installed, on both kinds of databases.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newTask, processRecord, recordedError } from "../../src/conformance/scene.ts";
import type { Store } from "../../src/store/contract.ts";
import { loadDriver } from "../../src/store/sqlite/driver.ts";
import { type InstalledCommand, installCommand } from "./installed-command.ts";
import { kinds, openPlace, type Place } from "./kinds.ts";

const OWNER = "8111111111111111111";
let owed: InstalledCommand;
beforeAll(() => void (owed = installCommand()));
afterAll(() => owed[Symbol.dispose]());

const names = (count: number, prefix = "task") =>
  Array.from({ length: count }, (_, index) => `${prefix}:${String(index).padStart(4, "0")}`);

/** Claims everything and settles it one way. */
async function settleAll(store: Store, kind: "confirm" | "fail", nowMs?: number): Promise<void> {
  const call = nowMs === undefined ? {} : { now: nowMs };
  await store.register(processRecord(OWNER), call);
  for (let claim = 1; ; claim += 1) {
    const { tasks } = await store.claim(
      {
        owner: OWNER,
        claim,
        types: "all",
        limit: 500,
        maxBytes: 1e9,
        suspectLimit: 500,
        alone: false,
        liveClaims: [],
      },
      call,
    );
    if (tasks.length === 0) break;
    await store.settle(
      tasks.map(({ id, taskId, token }) =>
        kind === "confirm"
          ? { kind, id, taskId, token, durationMs: 5 }
          : {
              kind,
              id,
              taskId,
              token,
              durationMs: 5,
              reason: "attempts-exhausted",
              counted: true,
              error: recordedError("it broke"),
            },
      ),
      call,
    );
  }
  await store.removeProcess(OWNER);
}

async function failedPlace(kind: (typeof kinds)[number], ids: readonly string[]): Promise<Place> {
  const place = await openPlace(kind);
  await place.enqueue(ids.map((id) => newTask(id)));
  await settleAll(place.store, "fail");
  return place;
}

describe.each(kinds)("on %s", (kind) => {
  it("one task is redriven at once, with --dry-run not at all, and refused in another state with code 6", async () => {
    await using place = await failedPlace(kind, ["task"]);
    const state = async () => (await place.store.get("task"))?.state;
    const dry = await owed.run(["redrive", "task", "--dry-run"], { env: place.env });
    expect([dry.code, dry.out, await state()]).toEqual([
      0,
      "task is failed: it would be redriven\n",
      "failed",
    ]);
    const done = await owed.run(["redrive", "task"], { env: place.env });
    expect([done.code, await state()]).toEqual([0, "pending"]);
    expect(done.out).toContain("task is redriven");
    expect(done.out).toContain("no process is alive");
    const again = await owed.run(["redrive", "task"], { env: place.env });
    expect([again.code, again.err]).toEqual([6, expect.stringContaining("it is pending")]);
    const dryAgain = await owed.run(["redrive", "task", "-n"], { env: place.env });
    expect([dryAgain.code, dryAgain.out]).toEqual([6, "task is pending: it cannot be redriven\n"]);
    expect((await owed.run(["redrive", "nobody"], { env: place.env })).code).toBe(5);
  });

  it("one pending task is cancelled at once", async () => {
    await using place = await openPlace(kind);
    await place.enqueue([newTask("-task with spaces")]);
    const { code } = await owed.run(["cancel", "--", "-task with spaces"], { env: place.env });
    expect([code, (await place.store.get("-task with spaces"))?.state]).toEqual([0, "cancelled"]);
  });

  it("many are shown first, and nothing is done without a yes", async () => {
    await using place = await failedPlace(kind, names(3));
    const dry = await owed.run(["redrive", "--all", "--dry-run"], { env: place.env });
    expect(dry.code).toBe(0);
    expect(dry.out).toContain("would redrive 3 failed tasks:");
    expect(dry.out).toContain("attempts-exhausted: it broke");
    const unasked = await owed.run(["redrive", "--all"], { env: place.env });
    expect([unasked.code, unasked.err]).toEqual([8, "nothing was changed: say --yes to do it\n"]);
    expect(await place.store.count("failed")).toBe(3);
    const done = await owed.run(["redrive", "--all", "--yes"], { env: place.env });
    expect([done.code, done.out.endsWith("3 redriven\n")]).toEqual([0, true]);
    expect(await place.store.count("pending")).toBe(3);
  });

  it("many are picked by type, prefix, reference and instant, and the others stay", async () => {
    await using place = await openPlace(kind);
    await place.enqueue([
      newTask("a:1", { type: "mail", referenceId: "order-1" }),
      newTask("a:2", { type: "crm", referenceId: "order-1" }),
      newTask("b:1", { type: "mail", referenceId: "order-2" }),
    ]);
    const cancelled = async (...options: string[]) => {
      await owed.run(["cancel", ...options, "--yes"], { env: place.env });
      const { tasks } = await place.store.list({ state: "cancelled", limit: 10, order: "ascending" });
      for (const { taskId } of tasks) await place.store.redrive(taskId);
      return tasks.map(({ taskId }) => taskId);
    };
    expect(await cancelled("--type", "mail")).toEqual(["a:1", "b:1"]);
    expect(await cancelled("--prefix", "a:")).toEqual(["a:1", "a:2"]);
    expect(await cancelled("--prefix", "a:", "--type", "crm")).toEqual(["a:2"]);
    expect(await cancelled("--reference", "order-2")).toEqual(["b:1"]);
    expect(await cancelled("--all", "--before", "2020-01-01T00:00:00Z")).toEqual([]);
  });

  it("a redrive of many that is killed is gone on with, and what failed again meanwhile is left alone", async () => {
    await using place = await failedPlace(kind, names(400));
    let resume = "";
    const killed = await owed.run(["redrive", "--all", "--yes", "--json"], {
      env: place.env,
      watch: (output, kill) => {
        resume = /go on with: owed (redrive .*)/.exec(output)?.[1] ?? resume;
        if (output.includes('"outcome":"done"')) kill("SIGKILL");
      },
    });
    expect(killed.code).toBe(null);
    const before = await place.store.count("failed");
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(400);
    // What was redriven fails again: it is none of the command's business any more.
    await settleAll(place.store, "fail");
    expect(await place.store.count("failed")).toBe(400);
    const resumed = await owed.run(resume.trim().split(" "), { env: place.env });
    expect([resumed.code, resumed.out.endsWith(`${before} redriven\n`)]).toEqual([0, true]);
    expect(await place.store.count("failed")).toBe(400 - before);
  });

  it("Ctrl-C ends a redrive of many with code 130 and says how to go on", async () => {
    await using place = await failedPlace(kind, names(3_000));
    const { code, err } = await owed.run(["redrive", "--all", "--yes", "--json"], {
      env: place.env,
      watch: (output, kill) => {
        if (output.includes('"outcome":"done"') && !output.includes("interrupted")) kill("SIGINT");
      },
    });
    expect([code, err]).toEqual([
      130,
      expect.stringMatching(/go on with: owed redrive --state=failed --before=/),
    ]);
  });

  it("prune counts first, deletes after a yes, and leaves the young and the failed", async () => {
    await using place = await openPlace(kind);
    const old = Date.now() - 40 * 86_400_000;
    await place.enqueue([newTask("old:1"), newTask("old:2")], old);
    await settleAll(place.store, "confirm", old);
    await place.enqueue([newTask("failed")], old);
    await settleAll(place.store, "fail", old);
    await place.enqueue([newTask("young")]);
    await settleAll(place.store, "confirm");
    const dry = await owed.run(["prune", "--dry-run"], { env: place.env });
    expect([dry.code, dry.out]).toEqual([0, expect.stringContaining("would delete 2 tasks")]);
    expect((await owed.run(["prune"], { env: place.env })).code).toBe(8);
    expect((await place.store.get("old:1"))?.state).toBe("confirmed");
    const done = await owed.run(["prune", "--yes", "--json"], { env: place.env });
    expect(JSON.parse(done.out.trim().split("\n").at(-1) ?? "")).toEqual({ deleted: 2, interrupted: false });
    expect(await place.store.get("old:1")).toBe(null);
    expect((await place.store.get("young"))?.state).toBe("confirmed");
    expect((await place.store.get("failed"))?.state).toBe("failed");
    const none = await owed.run(["prune", "--older-than", "90m", "--yes"], { env: place.env });
    expect([none.code, none.out]).toEqual([0, expect.stringContaining("will delete 0 tasks")]);
  });

  it("migrate makes the tables, --check tells with code 4 whether it has to, and others say so too", async () => {
    await using place = await openPlace(kind, false);
    const check = () => owed.run(["migrate", "--check"], { env: place.env });
    expect((await check()).code).toBe(4);
    const missing = await owed.run(["status"], { env: place.env });
    expect([missing.code, missing.err]).toEqual([
      4,
      expect.stringContaining("what to do: run: owed migrate"),
    ]);
    const done = await owed.run(["migrate"], { env: place.env });
    expect([done.code, done.out]).toEqual([0, expect.stringContaining("brought from version 0 to")]);
    expect((await check()).code).toBe(0);
    expect((await owed.run(["migrate"], { env: place.env })).out).toContain("up to date already");
    await place.store.checkSchema();
  });

  it("the SQL of migrate --sql makes tables that are up to date", async () => {
    await using place = await openPlace(kind, false);
    const { code, out } = await owed.run(["migrate", "--sql"], { env: place.env });
    expect(code).toBe(0);
    await runScript(kind, place, out);
    expect((await owed.run(["migrate", "--check"], { env: place.env })).code).toBe(0);
    await place.enqueue([newTask("task")]);
  });
});

async function runScript(kind: (typeof kinds)[number], { env }: Place, sql: string): Promise<void> {
  if (kind === "Postgres") {
    const { Client } = (await import("pg")).default;
    const client = new Client(env["DATABASE_URL"]);
    await client.connect();
    await client.query(sql);
    await client.end();
    return;
  }
  const file = loadDriver(undefined).open(env["OWED_SQLITE_FILE"] ?? "");
  file.exec(sql);
  file.close();
}
