/** Laws of the schema: it can be brought up to date by anybody at any time, and that changes no task. */
import assert from "node:assert/strict";

import type { Law } from "./harness.ts";
import { at, enqueue, law, newTask, START_MS, standing } from "./scene.ts";

/** Migrate, checkSchema, warnings, and what a store says of itself. */
export const schemaLaws: readonly Law[] = [
  law("migrating again changes nothing", async (harness) => {
    await enqueue(harness, [newTask("task")]);
    const before = await standing(harness, "task");
    await harness.store.migrate();
    await harness.store.checkSchema();
    assert.deepEqual(await standing(harness, "task"), before);
    assert.equal((await harness.store.balance(at(0))).enqueued, 1);
  }),

  law("migrating many times at once succeeds", async (harness) => {
    await Promise.all(Array.from({ length: 6 }, () => harness.store.migrate()));
    await harness.store.checkSchema();
    await enqueue(harness, [newTask("task")]);
  }),

  law("a store that is up to date finds no fault with its schema, and tells the time", async ({ store }) => {
    const { schemaVersion, now, findings } = await store.examine(at(5));
    assert.ok(schemaVersion.known >= 1);
    assert.equal(schemaVersion.found, schemaVersion.known);
    assert.equal(now.getTime(), START_MS + 5);
    for (const { code, severity, problem, remedy } of findings) {
      assert.match(code, /^[a-z][a-z-]*$/);
      assert.ok(!code.startsWith("schema-") && !code.startsWith("index-"), `${code}: ${problem}`);
      assert.ok(["error", "warning"].includes(severity));
      assert.ok(problem.length > 0 && remedy.length > 0, "a finding says what to do");
    }
  }),

  law("a store says what it is", async ({ store }) => {
    assert.match(store.name, /^[a-z][a-z0-9-]*$/);
    assert.equal(typeof store.synchronous, "boolean");
    assert.ok(Number.isInteger(store.chunkTasks) && store.chunkTasks >= 1);
    assert.ok(Number.isInteger(store.chunkBytes) && store.chunkBytes >= 1);
    for (const warning of await store.warnings()) assert.equal(typeof warning, "string");
  }),
];
