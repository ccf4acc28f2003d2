// What an erasure leaves in the file.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { realPorts } from "../../src/ports/real-ports.ts";
import { Database } from "../../src/store/sqlite/database.ts";
import { loadDriver } from "../../src/store/sqlite/driver.ts";
import { operate } from "../../src/store/sqlite/operators.ts";
import { enqueueTasks, newTask, openScene } from "./harness.ts";

const secret = "card 4000 0025 0000 3155";

test("erased data is overwritten in the file, within a page and over many", async () => {
  await using scene = await openScene();
  const { store, handle, file } = scene;
  const found = (): number => {
    handle.exec("pragma wal_checkpoint(truncate)");
    return readFileSync(file, "latin1").split(secret).length - 1;
  };
  const sizes = new Map([
    ["small", 1],
    ["large", 5_000],
  ]);
  handle.exec("begin immediate");
  for (const [taskId, times] of sizes) {
    const data = new TextEncoder().encode(secret.repeat(times));
    store.insert(handle, [{ ...newTask(taskId), data }, newTask(`beside-${taskId}`)], null);
  }
  handle.exec("commit");
  for (const taskId of sizes.keys()) await store.cancel(taskId);
  expect(found()).toBeGreaterThan(4_000);
  for (const taskId of sizes.keys()) expect(await store.erase(taskId)).toEqual({ done: true });
  expect(found()).toBe(0);
  expect((await store.get("beside-large"))?.data).toEqual(new TextEncoder().encode("beside-large"));
});

test("a deleted task is overwritten in the file", async () => {
  await using scene = await openScene();
  const { store, handle, file } = scene;
  const data = new TextEncoder().encode(secret.repeat(5_000));
  handle.exec("begin immediate");
  store.insert(handle, [{ ...newTask("task"), data }], null);
  handle.exec("commit");
  await store.cancel("task");
  expect(await store.delete("task")).toEqual({ done: true });
  handle.exec("pragma wal_checkpoint(truncate)");
  expect(readFileSync(file, "latin1")).not.toContain(secret);
});

test("only an erasure overwrites: the connection is afterwards as it was before", async () => {
  await using scene = await openScene();
  enqueueTasks(scene, ["ended"]);
  await scene.store.cancel("ended");
  const parts = { file: scene.file, driver: loadDriver(undefined), ports: realPorts, lockWaitMs: 1_000 };
  const database = new Database(parts);
  for (const mode of ["off", "fast", "on"]) {
    const [before, after] = await database.write((connection) => {
      connection.exec(`pragma secure_delete = ${mode}`);
      const read = () => connection.first("pragma secure_delete");
      const standing = read();
      expect(operate(connection, "erase", "ended", 0)).toEqual({ done: true });
      return [standing, read()];
    });
    expect(after).toEqual(before);
  }
  await database.close();
});
