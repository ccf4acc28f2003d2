// What people do: to one task, to those they ticked, and to all that match; each only to what they saw, and put on record.
import { describe, expect, it } from "vitest";
import { newTask } from "../../src/conformance/scene.ts";
import { actsDuring, boxOf, formWith, mail, openScene, type Scene, stores, visitorOf } from "./scene.ts";

async function states({ store }: Scene, ids: readonly string[]) {
  return await Promise.all(ids.map(async (id) => (await store.get(id))?.state));
}

describe.each(stores)("on %s", (kind) => {
  it("a failed task is redriven with one press, which is told, put on record, and seen", async () => {
    await using scene = await openScene(kind);
    await scene.enqueue([mail("a")]);
    await scene.failAll();
    const visitor = visitorOf(scene);
    const page = await visitor.get("task?id=a");
    expect(page.text).toContain("It has failed for good: 1 attempt failed, and no more are allowed.");
    const acts = await actsDuring(async () => {
      const after = await visitor.press(page, "Redrive");
      expect(after.text).toContain("Redriven: it is pending again, in a new generation");
      expect(after.text).toContain("Generation 2 (redriven 1 time)");
    });
    expect(acts).toEqual([
      {
        actor: "ann",
        via: "dashboard",
        action: "redrive",
        taskId: "a",
        type: "mail",
        referenceId: "order-a",
        generation: 1,
        state: "failed",
        outcome: "done",
        reason: null,
      },
    ]);
    await scene.confirmAll();
    expect((await visitor.get("task?id=a")).text).toContain("It is done. There is nothing left to run.");
  });

  it("a pending task is cancelled, and a settled one loses its data after a second look", async () => {
    await using scene = await openScene(kind);
    await scene.enqueue([mail("a")]);
    const visitor = visitorOf(scene);
    const cancelled = await visitor.press(await visitor.get("task?id=a"), "Cancel the task");
    expect(cancelled.text).toContain("Cancelled: it does not run any more.");
    const preview = await visitor.press(cancelled, "Erase its data…");
    expect(preview.text).toContain("The data is removed for good, and the record stays.");
    expect((await scene.store.get("a"))?.data).not.toBeNull();
    const { action, fields } = formWith(preview.html, "Erase the data of 1 task");
    fields.set("reason", "asked for by the customer");
    const acts = await actsDuring(() => visitor.post(action.slice(1), fields));
    expect(acts).toMatchObject([{ action: "erase", outcome: "done", reason: "asked for by the customer" }]);
    expect((await scene.store.get("a"))?.data).toBeNull();
    const after = await visitor.get("task?id=a");
    expect(after.text).toContain("Its data was erased.");
    expect(after.html).not.toMatch(/>Redrive<|>Erase/);
  });

  it("a failed task is deleted after a second look that says what is lost, and the balance still holds", async () => {
    await using scene = await openScene(kind);
    await scene.enqueue([mail("a"), mail("b")]);
    await scene.failAll();
    const visitor = visitorOf(scene);
    const preview = await visitor.press(await visitor.get("task?id=a"), "Delete it…");
    expect(preview.text).toContain("Each is removed for good, with its data and the story of its attempts");
    expect(preview.text).toContain("Its id is free again");
    expect((await scene.store.get("a"))?.state).toBe("failed");
    const end = await visitor.press(preview, "Delete 1 task");
    expect(end.text).toContain("1 task deleted");
    expect((await visitor.get("task?id=a")).status).toBe(404);
    const { enqueued, failed, pruned } = await scene.store.balance();
    expect([enqueued, failed, pruned]).toEqual([2, 1, 1]);
    const { acts } = await scene.store.acts({ taskId: "a", limit: 10 });
    expect(acts).toMatchObject([{ actor: "ann", action: "delete", state: "failed", outcome: "done" }]);
  });

  it("all that match are deleted in batches with progress, and nothing else", async () => {
    await using scene = await openScene(kind);
    const ids = Array.from({ length: 450 }, (_, index) => `t:${index}`);
    await scene.enqueue(ids.map((id) => mail(id)));
    await scene.failAll("the merchant is dead");
    await scene.enqueue([mail("other"), newTask("hook", { type: "hook" })]);
    await scene.failAll("something else");
    await new Promise((resolve) => setTimeout(resolve, 5)); // as below
    const visitor = visitorOf(scene);
    const list = await visitor.get("tasks?state=failed&type=mail&text=Merchant+is");
    const preview = await visitor.press(list, "Delete all that match…");
    expect(preview.text).toContain("450 mail failed the merchant is dead");
    let page = await visitor.press(preview, "Delete 450 tasks");
    expect(page.html).toMatch(/<progress max="450" value="[1-9]\d*"/);
    while (page.html.includes("data-go-on")) page = await visitor.press(page, "Go on");
    expect(page.text).toContain("450 tasks deleted");
    expect((await states(scene, ["other", "hook", "t:0", "t:449"])).map(String)).toEqual([
      "failed",
      "failed",
      "undefined",
      "undefined",
    ]);
    expect((await scene.store.balance()).pruned).toBe(450);
  }, 60_000);

  it("what somebody else has changed meanwhile is left alone, and the page says where it stands", async () => {
    await using scene = await openScene(kind);
    await scene.enqueue([mail("a")]);
    await scene.failAll();
    const visitor = visitorOf(scene);
    const stale = await visitor.get("task?id=a");
    await scene.store.redrive("a");
    await scene.failAll("another reason");
    const acts = await actsDuring(async () => {
      const refused = await visitor.press(stale, "Redrive");
      expect(refused.status).toBe(409);
      expect(refused.text).toContain("It is failed in generation 2; you saw generation 1.");
    });
    expect(acts).toMatchObject([{ action: "redrive", generation: 1, state: "failed", outcome: "failed" }]);
    expect(await scene.store.get("a")).toMatchObject({ state: "failed", generation: 2 });
    await visitor.press(await visitor.get("task?id=a"), "Redrive");
    const late = await visitor.get("task?id=a");
    await scene.confirmAll();
    const refused = await visitor.press(late, "Cancel the task");
    expect([refused.status, refused.text.includes("It is confirmed in generation 3")]).toEqual([409, true]);
  });

  it("the tasks that were ticked, and no others, are redriven after a preview that says what will happen", async () => {
    await using scene = await openScene(kind);
    await scene.enqueue([mail("a"), mail("b"), mail("c"), newTask("d", { type: "hook" })]);
    await scene.failAll();
    const visitor = visitorOf(scene);
    const list = await visitor.get("tasks");
    const preview = await visitor.press(list, "Redrive selected…", [boxOf("a"), boxOf("c"), boxOf("d")]);
    expect(preview.text).toContain("Redrive 3 tasks?");
    expect(preview.text).toContain("2 mail failed the mailbox is gone 1 hook failed the mailbox is gone");
    expect(await states(scene, ["a", "b", "c", "d"])).toEqual(["failed", "failed", "failed", "failed"]);
    await scene.store.redrive("c");
    await scene.failAll("again");
    const end = await visitor.press(preview, "Redrive 3 tasks");
    expect(end.text).toContain("2 tasks redriven");
    expect(end.text).toContain("1 task left alone");
    expect(end.text).toMatch(/ c failed/);
    expect(await states(scene, ["a", "b", "c", "d"])).toEqual(["pending", "failed", "failed", "pending"]);
  });

  it("ticking nothing does nothing, and says so", async () => {
    await using scene = await openScene(kind);
    await scene.enqueue([mail("a")]);
    await scene.failAll();
    const visitor = visitorOf(scene);
    const answer = await visitor.press(await visitor.get("tasks"), "Redrive selected…");
    expect([answer.status, answer.text.includes("No task was selected.")]).toEqual([400, true]);
  });

  it("a group is redriven batch by batch; those that fail again meanwhile are left alone", async () => {
    await using scene = await openScene(kind);
    const ids = Array.from({ length: 450 }, (_, index) => `t:${index}`);
    await scene.enqueue(ids.map((id) => mail(id)));
    await scene.failAll("the merchant is dead");
    await scene.enqueue([mail("other")]);
    await scene.failAll("something else");
    await new Promise((resolve) => setTimeout(resolve, 5)); // what failed in the very millisecond of the preview is left alone
    const visitor = visitorOf(scene);
    const preview = await visitor.press(await visitor.get("failed"), "Redrive…");
    expect(preview.text).toContain("Redrive 450 tasks?");
    expect(preview.text).toContain("Tasks that come into this state from now on are left alone.");
    let page = await visitor.press(preview, "Redrive 450 tasks");
    const first = Number(/^.*?([\d,]+) redriven so far/.exec(page.text)?.[1]);
    expect(first).toBeGreaterThanOrEqual(100);
    expect(first).toBeLessThanOrEqual(300);
    await scene.failAll("the merchant is dead");
    let batches = 1;
    while (page.html.includes("data-go-on")) {
      page = await visitor.press(page, "Go on");
      batches += 1;
    }
    expect(batches).toBeGreaterThan(1);
    expect(page.text).toContain("450 tasks redriven");
    const generations = await Promise.all(ids.map(async (id) => (await scene.store.get(id))?.generation));
    expect(new Set(generations)).toEqual(new Set([2]));
    expect((await scene.store.get("other"))?.generation).toBe(1);
    // Whoever starts the same form once more, after an end of any kind, changes nothing twice.
    await scene.failAll("the merchant is dead");
    const again = await visitor.press(preview, "Redrive 450 tasks");
    expect(again.text).not.toMatch(/[1-9]\d* redriven|[1-9]\d* tasks? redriven/);
  }, 120_000);

  it("all pending tasks of a type are cancelled, and the rest stay", async () => {
    await using scene = await openScene(kind);
    await scene.enqueue([newTask("crm:1", { type: "crm" }), newTask("crm:2", { type: "crm" }), mail("a")]);
    await new Promise((resolve) => setTimeout(resolve, 5)); // as above
    const visitor = visitorOf(scene);
    const preview = await visitor.press(
      await visitor.get("tasks?state=pending&type=crm"),
      "Cancel all that match…",
    );
    expect(preview.text).toContain("Cancel 2 tasks?");
    const end = await visitor.press(preview, "Cancel 2 tasks");
    expect(end.text).toContain("2 tasks cancelled");
    expect(await states(scene, ["crm:1", "crm:2", "a"])).toEqual(["cancelled", "cancelled", "pending"]);
  });
});

describe("a preview", () => {
  it("tells which tasks cannot be redriven, and which may have had their effect", async () => {
    await using scene = await openScene();
    await scene.enqueue([mail("a"), mail("b"), mail("c")]);
    await scene.failAll("took too long", { code: "OWED_ATTEMPT_TIMEOUT" });
    await scene.store.erase("b");
    const visitor = visitorOf(scene);
    const preview = await visitor.press(
      await visitor.get("tasks"),
      "Redrive selected…",
      ["a", "b", "c"].map((id) => boxOf(id)),
    );
    expect(preview.text).toContain("Redrive 2 tasks?");
    expect(preview.text).toContain("1 task will be left alone: its data was erased.");
    expect(preview.text).toContain("2 tasks had an attempt that ended without an answer");
    const end = await visitor.press(preview, "Redrive 2 tasks");
    expect(end.text).toContain("2 tasks redriven 1 task left alone");
  });

  it.each([
    ["erase", "failed"],
    ["delete", "pending"],
    ["delete", "confirmed"],
    ["cancel", "failed"],
    ["redrive", "pending"],
    ["redrive", "confirmed"],
  ])("of %s for all that are %s is refused", async (action, state) => {
    await using scene = await openScene();
    await scene.enqueue([mail("a")]);
    await scene.failAll();
    const visitor = visitorOf(scene);
    const { fields } = formWith((await visitor.get("task?id=a")).html, "Redrive");
    const form = new URLSearchParams({ token: fields.get("token") ?? "", action, state, scope: "matching" });
    form.set("before", new Date(4e12).toISOString());
    for (const path of ["preview", "apply"]) expect((await visitor.post(path, form)).status).toBe(400);
    expect((await scene.store.get("a"))?.data).not.toBeNull();
  });

  it("acts on each task only with the right for that task", async () => {
    await using scene = await openScene();
    await scene.enqueue([mail("a"), newTask("b", { type: "hook" })]);
    await scene.failAll();
    await new Promise((resolve) => setTimeout(resolve, 5));
    const visitor = visitorOf(scene, {
      authorize: ({ right, task }) => (right === "redrive" && task?.type === "hook" ? null : "ann"),
    });
    const preview = await visitor.press(await visitor.get("failed"), "Redrive all failed…");
    const end = await visitor.press(preview, "Redrive 2 tasks");
    expect(end.text).toContain("1 task redriven");
    expect(end.text).toContain("b not allowed");
    expect(await states(scene, ["a", "b"])).toEqual(["pending", "failed"]);
  });
});
