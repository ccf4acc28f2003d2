// A call with more tasks than fit into memory: what was sent is let go of before the next is read.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { defineTask, executor, Scheduler } from "owed";
import { expect, it } from "vitest";

import { openHarness } from "./harness.ts";

const report = defineTask<{ readonly text: string }>({ type: "report" });
const CHUNKS = 12;
const TASK_BYTES = 4_096;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

it("keeps the data of two chunks at most, however many tasks a call has (F56)", async () => {
  await using harness = await openHarness();
  const { store } = harness;
  const sent: WeakRef<Uint8Array>[] = [];
  let mostAlive = 0;
  const insert: typeof store.insert = async (transaction, tasks, ...rest) => {
    const answer = await store.insert(transaction, tasks, ...rest);
    for (const { data } of tasks) sent.push(new WeakRef(data));
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    mostAlive = Math.max(mostAlive, sent.filter((reference) => reference.deref() !== undefined).length);
    return answer;
  };
  const scheduler = new Scheduler({
    store: { ...store, insert },
    executors: [executor(report, () => undefined)],
  });
  await scheduler.start();
  const perChunk = Math.min(store.chunkTasks, Math.ceil(store.chunkBytes / TASK_BYTES));
  function* items(): Generator<{ readonly data: { readonly text: string } }> {
    for (let index = 0; index < perChunk * CHUNKS; index += 1) {
      yield { data: { text: `${index}`.padEnd(TASK_BYTES, "x") } };
    }
  }
  const client = await harness.pool.connect();
  await client.query("begin");
  const receipts = await scheduler.enqueueAll(client, report, items());
  await client.query("rollback");
  client.release();
  expect(receipts).toHaveLength(perChunk * CHUNKS);
  expect(sent).toHaveLength(perChunk * CHUNKS);
  expect(mostAlive).toBeLessThan(2.5 * perChunk);
  await scheduler.stop();
});
