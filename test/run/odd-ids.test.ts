// Ids that no task can have: they are told before the database is asked, and hold up no other task.
import { describe, expect, it } from "vitest";

import { World } from "./world.ts";

const odd = ["", "a\0", "\ud800", "x".repeat(513)];

describe("an id that no task can have", () => {
  it.each(odd)("is refused by every call that names a task (%j)", async (taskId) => {
    const scheduler = await new World().started();
    const refused = { code: "OWED_INVALID_INPUT", field: "taskId" };
    for (const call of ["get", "cancel", "redrive", "erase", "executeAndAdvance"] as const) {
      await expect(scheduler[call](taskId)).rejects.toMatchObject(refused);
    }
  });

  it.each(odd)(
    "is answered notClaimed by tryExecuteNow, which never rejects, and asks nothing (%j)",
    async (taskId) => {
      const world = new World();
      const scheduler = await world.started();
      const receipts = [taskId, "good"].map((id) => ({ taskId: id, created: true }));
      await world.leave(["good"]);
      expect(await scheduler.tryExecuteNow(receipts)).toEqual(["notClaimed", "confirmed"]);
    },
  );
});

it("a page may be asked for with limits and order left undefined", async () => {
  const world = new World();
  const scheduler = await world.started();
  await world.leave(["a"]);
  const page = await scheduler.list({ state: "pending", limit: undefined, order: undefined } as never);
  expect(page.tasks.map(({ taskId }) => taskId)).toEqual(["a"]);
});
