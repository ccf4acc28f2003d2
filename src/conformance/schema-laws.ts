/** Laws of the schema: it can be brought up to date by anybody at any time, and that changes no task. */
import assert from "node:assert/strict";

import type { Law } from "./harness.ts";
import { at, enqueue, law, newTask, standing } from "./scene.ts";

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

  law("a store says what it is", async ({ store }) => {
    assert.match(store.name, /^[a-z][a-z0-9-]*$/);
    assert.equal(typeof store.synchronous, "boolean");
    assert.ok(Number.isInteger(store.chunkTasks) && store.chunkTasks >= 1);
    assert.ok(Number.isInteger(store.chunkBytes) && store.chunkBytes >= 1);
    for (const warning of await store.warnings()) assert.equal(typeof warning, "string");
  }),
];
