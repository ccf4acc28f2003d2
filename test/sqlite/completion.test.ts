// Completion in a transaction on SQLite, where transactions are synchronous: the effect and the confirmation, or neither.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { ClaimLostError, constant, defineTask, executor, Scheduler } from "owed";
import { describe, expect, it } from "vitest";
import { transaction } from "../../src/adapters/sqlite-connection.ts";
import type { SchedulerTransaction } from "../../src/run/transaction-session.ts";
import type { SqliteApi } from "../../src/store/sqlite/index.ts";
import { openScene } from "./harness.ts";

const MAIN = fileURLToPath(new URL("./completion-main.ts", import.meta.url));
const backoff = constant({ delayMs: 0, jitter: 0 });
const transfer = defineTask<unknown>({ type: "transfer", backoff });
const receipt = defineTask<unknown>({ type: "receipt", backoff });

type Tx = SchedulerTransaction<SqliteApi, true>;

async function openEffects() {
  const scene = await openScene();
  scene.handle.exec("create table effects (task_id text not null)");
  return Object.assign(scene, {
    effects: () =>
      scene.handle
        .prepare("select task_id from effects")
        .all()
        .map((row) => Object.values(row as object)[0]),
  });
}

describe("a transactional executor", () => {
  it("writes, enqueues and confirms in one transaction", async () => {
    await using scene = await openEffects();
    const { store, effects } = scene;
    const work = ({ tx, taskId, attempt }: { tx: Tx; taskId: string; attempt: number }): void => {
      tx.run("insert into effects values (?)", taskId);
      tx.enqueue(receipt, {}, { taskId: `receipt ${attempt}` });
      if (attempt === 1) throw new Error("no");
    };
    const scheduler = new Scheduler({
      store,
      executors: [executor(transfer, { transactional: store }, work), executor(receipt, () => undefined)],
    });
    await scheduler.start();
    await scheduler.enqueue(transfer, {}, { taskId: "a", delayMs: 1 });
    await expect.poll(() => scheduler.executeAndAdvance("a")).toBe("retrying");
    expect(effects()).toEqual([]);
    expect(await scheduler.executeAndAdvance("a")).toBe("confirmed");
    await expect.poll(() => scheduler.count("confirmed")).toBe(2);
    expect([effects(), await scheduler.get("receipt 1")]).toEqual([["a"], null]);
    await scheduler.stop();
  });

  it("must not be async: what it did before its first await is rolled back, and the attempt has failed", async () => {
    await using scene = await openEffects();
    const { store, effects } = scene;
    const work = async ({ tx, taskId }: { tx: Tx; taskId: string }): Promise<void> => {
      tx.run("insert into effects values (?)", taskId);
      await Promise.resolve();
    };
    const scheduler = new Scheduler({
      store,
      executors: [executor(transfer, { transactional: store }, work as never)], // as code without types may
    });
    await scheduler.start();
    await scheduler.enqueue(transfer, {}, { taskId: "a", delayMs: 1 });
    await expect.poll(() => scheduler.executeAndAdvance("a")).toBe("retrying");
    expect((await scheduler.get("a"))?.lastError?.code).toBe("OWED_SYNCHRONOUS_ONLY");
    expect(effects()).toEqual([]);
    await scheduler.stop();
  });
});

describe("complete(connection)", () => {
  it("confirms with the commit of the caller's transaction, and throws before it when the claim is lost", async () => {
    await using scene = await openEffects();
    const { store, handle, effects } = scene;
    const thrown: unknown[] = [];
    const scheduler = new Scheduler({
      store,
      executors: [
        executor(transfer, async ({ taskId, complete }) => {
          if (taskId === "lost") await scheduler.cancel("lost");
          try {
            transaction(scheduler, handle, () => {
              handle.prepare("insert into effects values (?)").run(taskId);
              void complete(handle);
            });
          } catch (error) {
            thrown.push(error);
            throw error;
          }
        }),
      ],
    });
    await scheduler.start();
    for (const taskId of ["kept", "lost"]) await scheduler.enqueue(transfer, {}, { taskId, delayMs: 1 });
    await expect.poll(() => scheduler.executeAndAdvance("kept")).toBe("confirmed");
    await expect.poll(() => scheduler.executeAndAdvance("lost")).toBe("cancelled");
    expect([thrown, effects()]).toEqual([[expect.any(ClaimLostError)], ["kept"]]);
    await scheduler.stop();
  });
});

describe("a process that is killed before any statement of the transaction, or after its COMMIT", () => {
  it("leaves one effect and one follow-up", { timeout: 120_000 }, async () => {
    let lastAnswer = "";
    let kills = 0;
    for (let killAt = 1; lastAnswer === "" && killAt < 60; killAt += 1) {
      await using scene = await openEffects();
      const elsewhere = new Scheduler({ store: scene.store });
      await elsewhere.enqueue(transfer, {}, { taskId: "a" });
      const { signal, stdout } = spawnSync(
        process.execPath,
        ["--import", "tsx", MAIN, scene.file, String(killAt)],
        { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] },
      );
      if (signal === "SIGKILL") kills += 1;
      else lastAnswer = stdout;
      const work = ({ tx, taskId }: { tx: Tx; taskId: string }): void => {
        tx.run("insert into effects values (?)", taskId);
        tx.enqueue(receipt, {}, { taskId: `receipt of ${taskId}` });
      };
      // Nobody has to wait for its lease.
      for (const { owner } of await scene.store.processes()) await scene.store.removeProcess(owner);
      const survivor = new Scheduler({
        store: scene.store,
        leaseMs: 1_000,
        executors: [
          executor(transfer, { transactional: scene.store }, work),
          executor(receipt, () => undefined),
        ],
      });
      survivor.startWorker({ pollIntervalMs: 50 });
      await expect.poll(() => survivor.count("confirmed"), { timeout: 10_000 }).toBe(2);
      expect(scene.effects()).toEqual(["a"]);
      await survivor.stop();
    }
    expect(lastAnswer).toMatch(/^confirmed after \d+ statements/);
    expect(kills).toBeGreaterThan(6);
  });
});
