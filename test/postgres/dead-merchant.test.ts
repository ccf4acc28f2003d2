// A dead merchant among fifty, on a real server: the others go on, its backlog is left in peace, and when it is back all is done.
import { constant, defineTask, executor, Scheduler } from "owed";
import { expect, it } from "vitest";
import { keyHash } from "../../src/task/type-hash.ts";
import { openHarness } from "./harness.ts";

const call = defineTask<{ readonly merchant: string }>({
  type: "merchant.call",
  key: ({ merchant }) => merchant,
  backoff: constant({ delayMs: 200 }),
  maxFailedAttempts: 1_000,
});
const backlog = 10_000;
const merchants = 49;
const each = 40;

async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  const endMs = performance.now() + 90_000;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error("it did not come about in 90 s");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

it("keeps the others at work and its own backlog untouched, until it is back", {
  timeout: 200_000,
}, async () => {
  await using harness = await openHarness();
  const { store, pool, schema } = harness;
  let isDown = true;
  let deadAttempts = 0;
  const running = new Map<string, number>();
  let mostAtOnce = 0;
  const confirmed = new Set<string>();
  const scheduler = new Scheduler({
    store,
    executors: [
      executor(
        call,
        { concurrencyPerKey: 4, breaker: { per: "key", failures: 5, coolDownMs: 300, maxCoolDownMs: 1_000 } },
        async ({ data: { merchant } }) => {
          const now = (running.get(merchant) ?? 0) + 1;
          running.set(merchant, now);
          mostAtOnce = Math.max(mostAtOnce, now);
          await new Promise((resolve) => setTimeout(resolve, 2));
          running.set(merchant, (running.get(merchant) ?? 1) - 1);
          if (merchant !== "dead") return;
          deadAttempts += 1;
          if (isDown) throw new Error("the merchant is down");
        },
      ),
    ],
    onConfirmed: ({ taskId }) => void confirmed.add(taskId),
  });
  await scheduler.start();
  const leave = async (merchant: string, count: number): Promise<void> => {
    const client = await pool.connect();
    try {
      await client.query("begin");
      const items = Array.from({ length: count }, (_, n) => ({
        data: { merchant },
        taskId: `${merchant}-${n}`,
        delayMs: 1,
      }));
      await scheduler.enqueueAll(client, call, items);
      await client.query("commit");
    } finally {
      client.release();
    }
  };
  await leave("dead", backlog);
  for (let merchant = 0; merchant < merchants; merchant += 1) await leave(`m${merchant}`, each);
  // Counts each version of a row of the dead merchant that is written.
  await pool.query(`create sequence ${schema}.rewritten`);
  await pool.query(`create function ${schema}.count_rewritten() returns trigger language plpgsql as
    $$ begin perform nextval('${schema}.rewritten'); return null; end $$`);
  await pool.query(`create trigger count_rewritten after update on ${schema}.pending for each row
    when (new.key = ${keyHash("merchant.call", "dead")}) execute function ${schema}.count_rewritten()`);
  const rewritten = async (): Promise<number> => {
    const { rows } = await pool.query(`select last_value, is_called from ${schema}.rewritten`);
    return rows[0].is_called ? Number(rows[0].last_value) : 0;
  };
  const worker = scheduler.startWorker({ concurrency: 20 });

  await until(() => confirmed.size === merchants * each);
  expect(deadAttempts).toBeLessThanOrEqual(40);
  const attemptsBefore = deadAttempts;
  await until(() => scheduler.breakers().some(({ key }) => key === "dead"));
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  expect(scheduler.breakers()).toMatchObject([{ type: "merchant.call", key: "dead" }]);
  expect(deadAttempts - attemptsBefore).toBeLessThanOrEqual(15);
  expect(await scheduler.count("pending")).toBe(backlog);
  // A claim and a failure for each attempt, of 10,000 rows.
  expect(await rewritten()).toBeLessThanOrEqual(2 * deadAttempts + 10);

  isDown = false;
  await until(() => confirmed.size === backlog + merchants * each);
  expect(scheduler.breakers()).toEqual([]);
  expect(mostAtOnce).toBe(4);
  expect(await store.balance()).toMatchObject({
    pending: 0,
    confirmed: backlog + merchants * each,
    failed: 0,
  });
  await worker.stop();
  await scheduler.stop();
});
