// What the command tells about tasks: status, tasks, task. Run as it is installed, on both kinds of databases.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newTask, processRecord, recordedError } from "../../src/conformance/scene.ts";
import type { ClaimRequest, Store } from "../../src/store/contract.ts";
import { type InstalledCommand, installCommand } from "./installed-command.ts";
import { kinds, openPlace, type Place } from "./kinds.ts";

const OWNER = "8111111111111111111";
let owed: InstalledCommand;
beforeAll(() => void (owed = installCommand()));
afterAll(() => owed[Symbol.dispose]());

const record = (types: readonly string[] | "all" = "all", owner = OWNER) =>
  processRecord(owner, { host: "web-1", pid: 4211, types });

async function claimAll(store: Store, claim = 1, owner = OWNER) {
  const request: ClaimRequest = {
    owner,
    claim,
    types: "all",
    limit: 100,
    maxBytes: 1_000_000,
    suspectLimit: 100,
    alone: false,
    liveClaims: [],
  };
  return (await store.claim(request)).tasks;
}

/** Claims everything and fails it for good. */
async function failAll({ store }: Place, message = "the mailbox is gone"): Promise<void> {
  await store.register(record());
  for (const { id, taskId, token } of await claimAll(store)) {
    const error = { ...recordedError(message), code: "E410", stack: "Error: x\n    at mail.ts:7" };
    const reason = "permanent-error" as const;
    await store.settle([{ kind: "fail", id, taskId, token, durationMs: 41, reason, counted: true, error }]);
  }
}

describe.each(kinds)("on %s", (kind) => {
  it("status tells counts, age, processes, and what is wrong with what to do", async () => {
    await using place = await openPlace(kind);
    await place.enqueue([newTask("receipt:1", { type: "receipt" }), newTask("crm:1", { type: "crm.sync" })]);
    await place.store.register(record(["receipt"]));
    const { code, out, err } = await owed.run(["status"], { env: place.env });
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/pending +2 +the oldest due for \d+ (ms|s)/);
    expect(out).toMatch(/web-1 +4211 +\d+ (ms|s) ago +100 +receipt/);
    expect(out).toContain("no live process executes crm.sync");
    expect(out).toContain(
      "what to do: start a worker with an executor for it; see its tasks: owed tasks --state=pending",
    );
    const json = JSON.parse((await owed.run(["status", "--json"], { env: place.env })).out);
    expect([json.pending, json.orphanedTypes]).toEqual([2, ["crm.sync"]]);
    expect(json.processes[0]).toMatchObject({ host: "web-1", pid: 4211, silent: false, types: ["receipt"] });
  });

  it("tasks lists failed ones with their error, goes on page by page, and finds by prefix and reference", async () => {
    await using place = await openPlace(kind);
    const ids = ["a:1", "a:2", "b:1"];
    await place.enqueue(ids.map((id) => newTask(id, { type: "mail", referenceId: `order-${id}` })));
    expect((await owed.run(["tasks"], { env: place.env })).out).toBe("no failed task matches\n");
    await failAll(place);
    const first = await owed.run(["tasks", "--limit", "2"], { env: place.env });
    expect(first.out).toMatch(/a:1 +mail +\d+ (ms|s) ago +1 +permanent-error: the mailbox is gone/);
    expect(first.out).not.toContain("b:1");
    const [, cursor] = /--cursor=(\S+)/.exec(first.out) ?? [];
    const second = await owed.run(["tasks", "--limit", "2", "--cursor", cursor ?? ""], { env: place.env });
    expect([second.out.includes("b:1"), second.out.includes("a:2")]).toEqual([true, false]);
    const found = async (...options: string[]) => {
      const { out } = await owed.run(["tasks", "--json", ...options], { env: place.env });
      return JSON.parse(out).tasks.map((task: { taskId: string }) => task.taskId);
    };
    expect(await found("--prefix", "a:")).toEqual(["a:1", "a:2"]);
    expect(await found("--reference", "order-b:1")).toEqual(["b:1"]);
    expect(await found("--type", "other")).toEqual([]);
    expect(await found("--newest")).toEqual(["b:1", "a:2", "a:1"]);
  });

  it("tasks --stuck lists what has been due for a while and nobody alive holds", async () => {
    await using place = await openPlace(kind);
    const longAgo = Date.now() - 600_000;
    await place.enqueue([newTask("held"), newTask("stuck")], longAgo);
    await place.enqueue([newTask("fresh")]);
    await place.store.register(record());
    const [held] = await place.store.claimById({
      owner: OWNER,
      claim: 1,
      liveClaims: [],
      taskIds: ["held"],
      types: "all",
    });
    expect(held?.taskId).toBe("held");
    const { out } = await owed.run(["tasks", "--stuck"], { env: place.env });
    expect([out.includes("stuck"), out.includes("held "), out.includes("fresh")]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it("task tells the whole story of a task that failed for good", async () => {
    await using place = await openPlace(kind);
    await place.enqueue([newTask("receipt:1", { type: "mail", referenceId: "order-7" })]);
    await failAll(place);
    const { code, out } = await owed.run(["task", "receipt:1"], { env: { ...place.env, COLUMNS: "200" } });
    expect(code).toBe(0);
    expect(out).toMatch(/state +failed \(permanent-error\)/);
    expect(out).toMatch(/reference +order-7/);
    expect(out).toContain("It has failed for good: its executor said that it can never succeed");
    expect(out).toContain("then run: owed redrive receipt:1");
    expect(out).toContain("Every attempt ended with an answer of its executor.");
    expect(out).toMatch(/UTC {2}failed after 41 ms \(process 8111111111111111111, claim 1\)/);
    expect(out).toContain("Error [E410]: the mailbox is gone");
    expect(out).not.toContain("mail.ts:7");
    const withStack = await owed.run(["task", "receipt:1", "--stack"], { env: place.env });
    expect(withStack.out).toContain("mail.ts:7");
  });
});

describe.each(kinds)("why a pending task does not run, on %s", (kind) => {
  const why = async (place: Place, taskId = "task") => {
    const { out } = await owed.run(["task", taskId, "--json"], { env: place.env });
    const { situation, why: sentence, again } = JSON.parse(out);
    return { situation, why: sentence as string, again: again as string };
  };

  it("is told when it waits for later, and when no process is alive", async () => {
    await using place = await openPlace(kind);
    await place.enqueue([newTask("later", { delayMs: 3_600_000 }), newTask("task")]);
    expect(await why(place, "later")).toMatchObject({ situation: "waiting" });
    expect((await why(place, "later")).why).toMatch(/enqueued for later. It is due at .* \(in \d+ min/);
    expect(await why(place)).toMatchObject({ situation: "no-process" });
  });

  it("is told when nobody executes its type, and when somebody could", async () => {
    await using place = await openPlace(kind);
    await place.enqueue([newTask("task", { type: "crm" })]);
    await place.store.register(record(["mail"]));
    expect((await why(place)).why).toContain('the one live process does not execute the type "crm"');
    await place.store.register(record(["mail", "crm"]));
    expect(await why(place)).toMatchObject({ situation: "due" });
  });

  it("is told when a process holds it, alive, silent or gone; a lost attempt leaves its effect open", async () => {
    await using place = await openPlace(kind);
    await place.enqueue([newTask("task")]);
    await place.store.register(record());
    expect(await claimAll(place.store)).toHaveLength(1);
    expect((await why(place)).why).toMatch(/running now, or about to: pid 4211 on web-1/);
    const minuteAgo = { now: Date.now() - 60_000 };
    await place.store.register(record(), minuteAgo);
    expect((await why(place)).why).toMatch(/last heartbeat is 1 min.* No other process is alive/);
    await place.store.removeProcess(OWNER);
    await place.store.register(record("all", "8222222222222222222"));
    expect((await why(place)).why).toContain(`process ${OWNER}, which held it, is gone`);
    expect(await claimAll(place.store, 2, "8222222222222222222")).toHaveLength(1);
    expect((await why(place)).again).toContain("1 attempt ended without an answer");
    const { out } = await owed.run(["task", "task"], { env: place.env });
    expect(out).toContain("lost: its process died or was cut off");
  });
});

it("what the database holds moves no cursor and takes no colour: escape sequences are shown as such", async () => {
  await using place = await openPlace("SQLite");
  await place.enqueue([newTask("bell\u0007", { type: "red\u001b[31m" })]);
  await failAll(place, "up\u001b[1A\u202eevil\nsecond line");
  for (const argv of [["tasks"], ["tasks", "--json"], ["task", "bell\u0007"], ["status"]]) {
    const { out, err } = await owed.run(argv, { env: place.env });
    expect(out + err).not.toMatch(/[^\P{Cc}\n]|[\u202a-\u202e]/u);
  }
});
