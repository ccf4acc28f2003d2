// The transactions of the memory store behave like those of a database, for the user's own rows as for tasks.
import { describe, expect, test } from "vitest";

import type { NewTask } from "../../src/store/contract.ts";
import { memoryStore } from "../../src/store/memory/index.ts";

function newTask(taskId: string): NewTask {
  return {
    taskId,
    type: "memory.task",
    data: new Uint8Array([1]),
    codec: "bytes",
    key: null,
    referenceId: null,
    headers: null,
    delayMs: 0,
    dueAtMs: null,
    bornClaimed: false,
    onDuplicate: "compare",
  };
}

describe("a transaction of the memory store", () => {
  test("shows its rows and its tasks at one instant", async () => {
    const store = memoryStore();
    const writer = await store.begin();
    const reader = await store.begin();
    await writer.put("payment:1", { amount: 7 });
    await store.insert(writer, [newTask("receipt:1")], null);
    expect(await reader.get("payment:1")).toBeUndefined();
    expect(await store.get("receipt:1")).toBeNull();
    expect(await writer.get("payment:1")).toEqual({ amount: 7 });
    await writer.commit();
    expect(await reader.get("payment:1")).toEqual({ amount: 7 });
    expect(await reader.keys()).toEqual(["payment:1"]);
    expect((await store.get("receipt:1"))?.state).toBe("pending");
  });

  test("leaves nothing behind when it is rolled back", async () => {
    const store = memoryStore();
    const refused = await store.begin();
    await refused.put("payment:1", 1);
    await refused.rollback();
    await refused.rollback();
    const reader = await store.begin();
    expect(await reader.keys()).toEqual([]);
    await expect(refused.put("payment:1", 1)).rejects.toThrow("ended");
    await expect(refused.commit()).rejects.toThrow("ended");
  });

  test("undoes rows and deletions back to a savepoint", async () => {
    const store = memoryStore();
    const first = await store.begin();
    await first.put("kept", 1);
    await first.put("deleted", 1);
    await first.commit();
    const second = await store.begin();
    await second.put("kept", 2);
    const savepoint = await second.savepoint();
    await second.put("kept", 3);
    await second.put("new", 3);
    await second.delete("deleted");
    expect(await second.keys()).toEqual(["kept", "new"]);
    await savepoint.rollback();
    expect(await second.keys()).toEqual(["deleted", "kept"]);
    expect(await second.get("kept")).toBe(2);
    await second.commit();
  });

  test("keeps copies, not the caller's objects", async () => {
    const store = memoryStore();
    const transaction = await store.begin();
    const value = { amount: 1 };
    await transaction.put("payment", value);
    value.amount = 2;
    expect(await transaction.get("payment")).toEqual({ amount: 1 });
    await expect(transaction.put("payment", undefined)).rejects.toThrow(TypeError);
  });

  test("waits for another that has written the same row", async () => {
    const store = memoryStore();
    const first = await store.begin();
    const second = await store.begin();
    const order: string[] = [];
    await first.put("balance", 1);
    const waiting = second.put("balance", 2).then(() => order.push("second writes"));
    await first.get("balance");
    order.push("first commits");
    await first.commit();
    await waiting;
    await second.commit();
    expect(order).toEqual(["first commits", "second writes"]);
    expect(await (await store.begin()).get("balance")).toBe(2);
  });

  test("is refused as a deadlock when two wait for each other, and says so at its commit", async () => {
    const store = memoryStore();
    const first = await store.begin();
    const second = await store.begin();
    await first.put("a", 1);
    await second.put("b", 2);
    const waiting = first.put("b", 1);
    await expect(second.put("a", 2)).rejects.toMatchObject({ code: "40P01" });
    await expect(second.get("a")).rejects.toMatchObject({ code: "25P02" });
    await expect(second.commit()).rejects.toMatchObject({ code: "OWED_TRANSACTION_ROLLED_BACK" });
    await waiting;
    await first.commit();
    const reader = await store.begin();
    expect([await reader.get("a"), await reader.get("b")]).toEqual([1, 1]);
  });

  test("is usable again after an error once a savepoint is rolled back", async () => {
    const store = memoryStore();
    const first = await store.begin();
    const second = await store.begin();
    await first.put("a", 1);
    await second.put("b", 2);
    const savepoint = await second.savepoint();
    const waiting = first.put("b", 1);
    await expect(second.put("a", 2)).rejects.toMatchObject({ code: "40P01" });
    await savepoint.rollback();
    await second.put("c", 2);
    await second.commit();
    await waiting;
    await first.commit();
    expect(await (await store.begin()).keys()).toEqual(["a", "b", "c"]);
  });

  test("refuses a savepoint that is over", async () => {
    const store = memoryStore();
    const transaction = await store.begin();
    const outer = await transaction.savepoint();
    const inner = await transaction.savepoint();
    await outer.rollback();
    await expect(inner.rollback()).rejects.toMatchObject({ code: "3B001" });
    await outer.rollback();
    await outer.release();
    await transaction.put("a", 1);
    await transaction.commit();
  });

  test("a task waits for another transaction's savepoint, and is inserted once that is rolled back", async () => {
    const store = memoryStore();
    const first = await store.begin();
    const savepoint = await first.savepoint();
    await store.insert(first, [newTask("contested")], null);
    const second = await store.begin();
    const waiting = store.insert(second, [newTask("contested")], null);
    await savepoint.rollback();
    expect((await waiting).created).toHaveLength(1);
    await second.commit();
    await first.commit();
    expect((await store.balance()).enqueued).toBe(1);
  });
});

describe("a repeatable-read transaction of the memory store", () => {
  test("reads as of its begin", async () => {
    const store = memoryStore();
    const before = await store.begin();
    await before.put("row", 1);
    await before.commit();
    const frozen = await store.begin({ isolationLevel: "repeatable read" });
    for (const value of [2, 3]) {
      const writer = await store.begin();
      await writer.put("row", value);
      await writer.put(`new-${value}`, value);
      await writer.commit();
    }
    expect(await frozen.get("row")).toBe(1);
    expect(await frozen.keys()).toEqual(["row"]);
    await frozen.commit();
    expect(await (await store.begin()).get("row")).toBe(3);
  });

  test("is refused when it writes what was changed meanwhile", async () => {
    const store = memoryStore();
    const frozen = await store.begin({ isolationLevel: "serializable" });
    const writer = await store.begin();
    await writer.put("row", 1);
    await writer.commit();
    await expect(frozen.put("row", 2)).rejects.toMatchObject({ code: "40001" });
  });

  test("is refused when it enqueues a task that was committed meanwhile", async () => {
    const store = memoryStore();
    const frozen = await store.begin({ isolationLevel: "repeatable read" });
    const other = await store.begin();
    await store.insert(other, [newTask("contested")], null);
    await other.commit();
    await expect(store.insert(frozen, [newTask("contested")], null)).rejects.toMatchObject({ code: "40001" });
    const later = await store.begin({ isolationLevel: "repeatable read" });
    expect((await store.insert(later, [newTask("contested")], null)).created).toEqual([]);
  });
});

test("the clock of the store decides, before that of the ports", async () => {
  const ports = { clock: { wallMs: () => 5 } };
  const onPorts = memoryStore({ ports });
  const onClock = memoryStore({ ports, clock: { wallMs: () => 9 } });
  for (const [store, expected] of [
    [onPorts, 5],
    [onClock, 9],
  ] as const) {
    const transaction = await store.begin();
    await store.insert(transaction, [newTask("dated")], null);
    await transaction.commit();
    expect((await store.get("dated"))?.createdAt.getTime()).toBe(expected);
  }
});

test("a transaction of another memory store is none of this one", async () => {
  const foreign = await memoryStore().begin();
  await expect(memoryStore().insert(foreign, [], null)).rejects.toMatchObject({
    code: "OWED_NOT_A_TRANSACTION",
  });
});
