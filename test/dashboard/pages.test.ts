// What the pages tell, on every store.
import { describe, expect, it } from "vitest";
import {
  failure,
  newTask,
  processId,
  processRecord,
  recordedError,
  retry,
} from "../../src/conformance/scene.ts";
import type { Scene } from "./scene.ts";
import { actsDuring, mail, OWNER, openScene, stores, visitorOf } from "./scene.ts";

async function claimOne({ store }: Scene, claim: number) {
  const answer = await store.claim({
    owner: OWNER,
    claim,
    types: "all",
    limit: 1,
    maxBytes: 1_000,
    suspectLimit: 1,
    alone: false,
    liveClaims: [],
  });
  const [task] = answer.tasks;
  if (task === undefined) throw new Error("nothing was claimed");
  return task;
}

describe.each(stores)("on %s", (kind) => {
  it("the overview tells counts, processes, and what is wrong with what to do", async () => {
    await using scene = await openScene(kind);
    const visitor = visitorOf(scene);
    await scene.enqueue([mail("a"), mail("b")]);
    await scene.failAll();
    await scene.enqueue([mail("c"), newTask("d", { type: "crm.sync" })]);
    const { text, html } = await visitor.get("");
    expect(text).toMatch(/pending 2 oldest due for \d+ (ms|s)/);
    expect(text).toContain("failed 2 wait for a person");
    expect(text).toMatch(/web-1 4,?211 (\d+ (ms|s)) ago 15 s 100/);
    expect(text).toContain("No live process executes crm.sync. Deploy a worker with an executor for them");
    expect(text).toContain("2 tasks have failed for good. See why, and run them again");
    expect(html).toContain('href="/tasks?state=pending&amp;type=crm.sync"');
  });

  it("tasks are listed by state, newest first, and go on page by page without skips", async () => {
    await using scene = await openScene(kind);
    const ids = Array.from({ length: 120 }, (_, index) => `task:${String(index).padStart(3, "0")}`);
    await scene.enqueue(ids.map((id) => mail(id)));
    const visitor = visitorOf(scene);
    const seen: string[] = [];
    let path: string | undefined = "tasks?state=pending";
    let pages = 0;
    while (path !== undefined) {
      const { html } = await visitor.get(path);
      seen.push(...[...html.matchAll(/<bdi>(task:\d+)<\/bdi>/g)].map(([, id = ""]) => id));
      path = /href="\/([^"]*)">Next page</.exec(html)?.[1]?.replaceAll("&amp;", "&");
      pages += 1;
    }
    expect([pages, seen]).toEqual([3, ids.reverse()]);
    const oldest = await visitor.get("tasks?state=pending&order=oldest");
    expect(/<bdi>(task:\d+)<\/bdi>/.exec(oldest.html)?.[1]).toBe("task:000");
  });

  it("tasks are found by type, reference, beginning of the id, and error, each alone and together", async () => {
    await using scene = await openScene(kind);
    await scene.enqueue([
      mail("a:1"),
      mail("a:2"),
      newTask("a:3", { type: "hook", referenceId: "order-a:1" }),
    ]);
    await scene.failAll("no such mailbox");
    await scene.enqueue([mail("b:1")]);
    await scene.failAll("connection refused");
    await scene.enqueue([mail("a:4")]);
    const visitor = visitorOf(scene);
    const found = async (query: Record<string, string>) => {
      const { html } = await visitor.get(`tasks?${new URLSearchParams(query).toString()}`);
      return [...html.matchAll(/<bdi>([^<]*)<\/bdi>/g)].map(([, id = ""]) => id).sort();
    };
    expect(await found({})).toEqual(["a:1", "a:2", "a:3", "b:1"]);
    expect(await found({ type: "hook" })).toEqual(["a:3"]);
    expect(await found({ reference: "order-a:1" })).toEqual(["a:1", "a:3"]);
    expect(await found({ reference: "order-a:1", type: "mail" })).toEqual(["a:1"]);
    expect(await found({ id: "a:" })).toEqual(["a:1", "a:2", "a:3", "a:4"]);
    expect(await found({ id: "a:", state: "failed" })).toEqual(["a:1", "a:2", "a:3"]);
    expect(await found({ state: "pending" })).toEqual(["a:4"]);
    expect(await found({ error: "connection refused" })).toEqual(["b:1"]);
    expect(await found({ error: "refused" })).toEqual([]);
  });

  it("a task tells its whole story: attempts, errors, redrives, why it does not run, and whether it may again", async () => {
    await using scene = await openScene(kind);
    const { store } = scene;
    await scene.enqueue([mail("pay:1")]);
    const error = { ...recordedError("connect ECONNREFUSED"), name: "FetchError", code: "ECONNREFUSED" };
    await store.settle([retry(await claimOne(scene, 1), { error })]);
    await store.settle([failure(await claimOne(scene, 2), { error })]);
    await store.redrive("pay:1");
    await store.settle([failure(await claimOne(scene, 3), { error, reason: "permanent-error" })]);
    const { text, html } = await visitorOf(scene).get("task?id=pay:1");
    expect(text).toContain("its executor said that it can never succeed (PermanentError)");
    expect(text).toContain("Mend the cause, then redrive it.");
    expect(text).toContain("Is it safe to run it again? Every attempt ended with an answer of its executor.");
    expect(text).toContain("Reference order-pay:1");
    expect(text).toContain("2 (redriven 1 time)");
    const timeline = text.slice(text.indexOf("Timeline"));
    expect(timeline).toMatch(
      /Enqueued .*Failed after 5 ms · process \d+, claim 1 FetchError ECONNREFUSED connect ECONNREFUSED.*claim 2 .*Redriven: generation 2 .*claim 3 .*Failed for good/,
    );
    expect(html).toContain(`href="/find?q=order-pay%3A1"`);
  });

  it("a pending task tells why it is not running now, and when it will", async () => {
    await using scene = await openScene(kind);
    await scene.enqueue([
      mail("later", { delayMs: 7_200_000 }),
      mail("due"),
      newTask("orphan", { type: "crm.sync" }),
    ]);
    const visitor = visitorOf(scene);
    expect((await visitor.get("task?id=later")).text).toMatch(
      /It waits: it was enqueued for later\. It is due at .* \(in (?:1 h 59 min|2 h)\)/,
    );
    expect((await visitor.get("task?id=due")).text).toContain(
      "One live process executes its type: the next claim takes it",
    );
    const orphan = (await visitor.get("task?id=orphan")).text;
    expect(orphan).toContain('the one live process does not execute the type "crm.sync"');
    expect(orphan).toContain("Deploy a worker with an executor for this type, or cancel the task.");
    await claimOne(scene, 1);
    expect((await visitor.get("task?id=due")).text).toContain(
      "It is running now, or about to: pid 4211 on web-1",
    );
  });

  it("data is told by its size alone, until somebody who may asks for it, which is put on record", async () => {
    await using scene = await openScene(kind);
    await scene.enqueue([mail("a", { data: new TextEncoder().encode('{"iban":"DE00 1234","n":[1,2]}') })]);
    const visitor = visitorOf(scene);
    for (const path of ["task?id=a", "tasks?state=pending", "find?q=order-a", ""]) {
      expect((await visitor.get(path)).html).not.toContain("DE00");
    }
    const hidden = await visitor.get("task?id=a");
    expect(hidden.text).toContain("30 bytes (json)");
    const acts = await actsDuring(async () => {
      const shown = await visitor.get("task?id=a&data=shown");
      expect(shown.html).toContain("<pre>{\n  &quot;iban&quot;: &quot;DE00 1234&quot;,");
    });
    expect(acts).toEqual([
      {
        actor: "ann",
        via: "dashboard",
        action: "reveal",
        taskId: "a",
        type: "mail",
        referenceId: "order-a",
        generation: 1,
        state: "pending",
        outcome: "done",
        reason: null,
      },
    ]);
    const { acts: recorded } = await scene.store.acts({ limit: 10 });
    expect(recorded).toMatchObject([{ actor: "ann", via: "dashboard", action: "reveal", taskId: "a" }]);
    const withoutRight = visitorOf(scene, { authorize: ({ right }) => (right === "reveal" ? null : "bob") });
    expect((await withoutRight.get("task?id=a")).text).not.toContain("Show the data");
    const refused = await withoutRight.get("task?id=a&data=shown");
    expect([refused.status, refused.html.includes("DE00")]).toEqual([403, false]);
  });

  it("data is shown as it is: numbers too long, what is no JSON, and what is no text", async () => {
    await using scene = await openScene(kind);
    const encode = (text: string) => new TextEncoder().encode(text);
    await scene.enqueue([
      mail("long", { data: encode('{"n":12345678901234567890}') }),
      mail("text", { data: encode("not <json>"), codec: "bytes" }),
      mail("bytes", { data: Uint8Array.of(0xff, 0x00, 0x7f), codec: "bytes" }),
      mail("huge", { data: encode(`"${"é".repeat(20_000)}"`) }),
    ]);
    const visitor = visitorOf(scene);
    const shown = async (id: string) => (await visitor.get(`task?id=${id}&data=shown`)).html;
    expect(await shown("long")).toContain("{&quot;n&quot;:12345678901234567890}");
    expect(await shown("text")).toContain("<pre>not &lt;json&gt;</pre>");
    expect(await shown("bytes")).toContain("<pre>/wB/</pre>");
    expect(await shown("huge")).toContain("\n… (40,002 bytes in all)");
  });

  it("tasks are filtered by what their error contains and by when they were enqueued, whatever else is asked", async () => {
    await using scene = await openScene(kind);
    await scene.enqueue([mail("a"), newTask("b", { type: "hook" })]);
    await scene.failAll("connect ECONNREFUSED 10.0.0.7:443");
    await new Promise((resolve) => setTimeout(resolve, 20));
    const between = await scene.store.examine();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await scene.enqueue([mail("c")]);
    await scene.failAll("no such mailbox");
    const visitor = visitorOf(scene);
    const instant = between.now.toISOString().replace("Z", "");
    const found = async (query: string) =>
      [...(await visitor.get(`tasks?${query}`)).html.matchAll(/<bdi>(\w)<\/bdi>/g)].map(([, id]) => id);
    expect(await found("text=econnrefused")).toEqual(["b", "a"]);
    expect(await found("text=e410&type=mail&order=oldest")).toEqual(["a", "c"]);
    expect(await found(`from=${instant}`)).toEqual(["c"]);
    expect(await found(`until=${instant}&type=hook`)).toEqual(["b"]);
    expect(await found(`from=2020-01-01T00:00&until=${instant}&text=connect&reference=order-a`)).toEqual([
      "a",
    ]);
    expect(await found(`id=c&state=any&until=${instant}`)).toEqual([]);
    expect((await visitor.get(`tasks?from=${instant}`)).html).toContain(`name="from" value="${instant}"`);
    for (const wrong of ["yesterday", "2026-13-01T00:00", "2026-11-24"]) {
      expect((await visitor.get(`tasks?from=${wrong}`)).status).toBe(400);
    }
    const page = await visitor.get(`tasks?from=${instant}`);
    const preview = await visitor.press(page, "Redrive all that match…");
    expect(preview.text).toContain("Redrive 1 task?");
    await visitor.press(preview, "Redrive 1 task");
    expect((await scene.store.get("c"))?.state).toBe("pending");
    expect((await scene.store.get("a"))?.state).toBe("failed");
  });

  it("failed tasks are grouped by type and error, each group leading to its tasks", async () => {
    await using scene = await openScene(kind);
    await scene.enqueue([mail("a"), mail("b"), newTask("c", { type: "hook" })]);
    await scene.failAll("no such  mailbox");
    await scene.enqueue([mail("d")]);
    await scene.failAll("timeout");
    const visitor = visitorOf(scene);
    const { text, html } = await visitor.get("failed");
    expect(text).toContain("4 tasks that failed for good, in 3 groups");
    const link = /href="\/(tasks[^"]*)">no such mailbox</.exec(html)?.[1]?.replaceAll("&amp;", "&") ?? "";
    const listed = (await visitor.get(link)).html;
    expect([...listed.matchAll(/<bdi>(\w)<\/bdi>/g)].map(([, id]) => id)).toEqual(["b", "a"]);
    expect(
      (await visitorOf(scene, { authorize: ({ right }) => (right === "view" ? "bob" : null) }).get("failed"))
        .html,
    ).not.toContain("<button>Redrive");
  });

  it("a task is found by its id, by the beginning of one, and by its reference", async () => {
    await using scene = await openScene(kind);
    await scene.enqueue([
      mail("pay:1"),
      mail("pay:2", { referenceId: "order-77" }),
      mail("x", { referenceId: "order-88" }),
      mail("y", { referenceId: "order-88" }),
    ]);
    await scene.failAll();
    const visitor = visitorOf(scene);
    const leads = async (q: string) =>
      (await visitor.get(`find?${new URLSearchParams({ q }).toString()}`)).headers.get("location");
    expect(await leads("pay:1")).toBe("/task?id=pay%3A1");
    expect(await leads(" order-77 ")).toBe("/task?id=pay%3A2");
    const several = await visitor.get("find?q=order-88");
    expect([...several.html.matchAll(/<bdi>(\w)<\/bdi>/g)].map(([, id]) => id)).toEqual(["y", "x"]);
    expect((await visitor.get("find?q=pay")).text).toMatch(/pay:1 .*pay:2/);
    const nothing = await visitor.get("find?q=order-99");
    expect(nothing.text).toContain("Nothing with an id that begins with, or the reference, order-99");
    expect(nothing.text).toContain("all 4 failed all 0 pending");
  });

  it("processes are told with their heartbeats, the silent ones as such", async () => {
    await using scene = await openScene(kind);
    await scene.store.register(processRecord(processId(2), { host: "web-2", pid: 99, leaseMs: 1 }));
    await new Promise((resolve) => setTimeout(resolve, 20));
    const { text } = await visitorOf(scene).get("processes");
    expect(text).toContain("1 live process, 1 silent");
    expect(text).toMatch(/web-1 4,?211 \d+ (ms|s) ago 15 s 100 .* mail, hook/);
    expect(text).toMatch(/web-2 99 silent for \d+ ms 1 ms 100 .* any type/);
  });
});

it("a search that ends at its bounds says so, and goes on where it ended", async () => {
  await using scene = await openScene();
  const count = 5_200;
  await scene.enqueue(
    Array.from({ length: count }, (_, index) =>
      mail(`t:${String(index).padStart(4, "0")}`, { referenceId: index === 3 ? "needle" : null }),
    ),
  );
  const visitor = visitorOf(scene);
  const first = await visitor.get("tasks?state=pending&reference=needle");
  expect(first.text).toContain("None of the 5,000 pending tasks looked at so far matches.");
  const further = /href="\/([^"]*)">Look further</.exec(first.html)?.[1]?.replaceAll("&amp;", "&") ?? "";
  expect((await visitor.get(further)).text).toMatch(/t:0003 mail needle/);
  const find = await visitor.get("find?q=needle");
  expect(find.text).toContain("the newest 5,000 pending · look further");
});
