// What a request must be like: from a page of ours, by the person it was shown to, and of a kind that is read here.
import { describe, expect, it } from "vitest";
import { virtualPorts } from "../../src/testing/virtual-ports.ts";
import { boxOf, everyAction, formWith, openThreeTasks, tokenOf, visitorOf } from "./scene.ts";

describe("a form", () => {
  const send = async (
    headers: Record<string, string>,
    change: (form: URLSearchParams) => void = () => undefined,
  ) => {
    await using scene = await openThreeTasks();
    const visitor = visitorOf(scene);
    const { fields } = formWith((await visitor.get("task?id=failed")).html, "Redrive");
    change(fields);
    const request = new Request("http://localhost:3000/act", {
      method: "POST",
      body: fields.toString(),
      headers,
    });
    request.headers.set("content-type", headers["content-type"] ?? "application/x-www-form-urlencoded");
    const { status } = await visitor.handler(request);
    return [status, (await scene.store.get("failed"))?.state];
  };

  it("that comes from this page is acted on", async () => {
    expect(await send({ "sec-fetch-site": "same-origin" })).toEqual([303, "pending"]);
    expect(await send({ "sec-fetch-site": "same-origin", origin: "https://behind.a.proxy" })).toEqual([
      303,
      "pending",
    ]);
    expect(await send({ origin: "http://localhost:3000" })).toEqual([303, "pending"]);
  });

  it.each([
    ["nothing says where it comes from", {}],
    ["another site", { "sec-fetch-site": "cross-site" }],
    ["another site of the same owner", { "sec-fetch-site": "same-site", origin: "http://localhost:3000" }],
    ["the address line", { "sec-fetch-site": "none" }],
    ["another origin", { origin: "http://evil.example" }],
    ["a hidden origin", { origin: "null" }],
    ["another port", { origin: "http://localhost:4000" }],
    ["no origin at all", { origin: "localhost:3000" }],
  ])("is refused, and changes nothing: %s", async (_, headers) => {
    expect(await send(headers)).toEqual([403, "failed"]);
  });

  it.each([
    "text/plain",
    "multipart/form-data; boundary=x",
    "application/json",
    "application/x-www-form-urlencodedx",
  ])("of the content type %s is refused", async (contentType) => {
    expect(await send({ "sec-fetch-site": "same-origin", "content-type": contentType })).toEqual([
      415,
      "failed",
    ]);
  });

  it("without the token, or with another's, is refused", async () => {
    const same = { "sec-fetch-site": "same-origin" };
    expect(await send(same, (form) => form.delete("token"))).toEqual([403, "failed"]);
    expect(await send(same, (form) => form.set("token", "x".repeat(43)))).toEqual([403, "failed"]);
    await using scene = await openThreeTasks();
    const { token } = tokenOf(await visitorOf(scene, { authorize: () => "bob" }).get("task?id=failed"));
    const secret = "s".repeat(32);
    const { token: bobs } = tokenOf(
      await visitorOf(scene, { authorize: () => "bob", secret }).get("task?id=failed"),
    );
    for (const foreign of [token, bobs]) {
      const form = new URLSearchParams({ action: "redrive", seen: boxOf("failed"), token: foreign });
      expect((await visitorOf(scene, { secret }).post("act", form)).status).toBe(403);
    }
  });

  it("is good for twelve hours, in every process with the same secret", async () => {
    await using scene = await openThreeTasks();
    const ports = virtualPorts();
    const one = visitorOf(scene, { ports, secret: "s".repeat(32) });
    const other = visitorOf(scene, { ports, secret: "s".repeat(32) });
    const { token } = tokenOf(await one.get("task?id=failed"));
    const form = new URLSearchParams({ action: "cancel", seen: boxOf("failed"), token });
    await ports.advance(12 * 3_600_000 - 1);
    expect((await other.post("act", form)).status).toBe(409);
    await ports.advance(12 * 3_600_000 + 1);
    expect((await other.post("act", form)).status).toBe(403);
  });

  it("of more than 64 KB is not read to its end", async () => {
    await using scene = await openThreeTasks();
    const visitor = visitorOf(scene);
    expect((await visitor.post("act", `x=${"y".repeat(70_000)}`)).status).toBe(413);
    let chunks = 0;
    const body = new ReadableStream({
      pull(controller) {
        chunks += 1;
        controller.enqueue(new Uint8Array(10_000));
      },
    });
    const headers = { "sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded" };
    const init = { method: "POST", body, headers, duplex: "half" };
    const response = await visitor.handler(new Request("http://localhost:3000/act", init as RequestInit));
    expect(response.status).toBe(413);
    expect(chunks).toBeLessThan(10);
  });
});

describe("a request that no page of ours sends", () => {
  it.each([
    ["an unknown state", "tasks?state=running", 400],
    ["any state without an id", "tasks?state=any", 400],
    ["an unknown order", "tasks?order=random", 400],
    ["a cursor of its own making", "tasks?cursor=1%27%20or%201=1", 400],
    ["NUL", "tasks?reference=%00", 400],
    ["a text longer than any id", `tasks?type=${"x".repeat(3_000)}`, 400],
    ["a task without a name", "task", 400],
    ["an id that can be none", `find?q=${"x".repeat(600)}`, 400],
    ["an unknown task", "task?id=unheard-of", 404],
    ["a path outside", "../../etc/passwd", 404],
    ["a path that is escaped", "files/..%2f..%2fpackage.json", 404],
    ["a file of another name", "files/000000000000.js", 404],
    ["a map of the script", "files/script.js.map", 404],
    ["a name that every object has", "__proto__", 404],
    ["another name that every object has", "constructor", 404],
    ["an address without end", `tasks?x=${"y".repeat(9_000)}`, 414],
  ])("is told what is wrong: %s", async (_, path, expected) => {
    await using scene = await openThreeTasks();
    const { status, html } = await visitorOf(scene).get(path);
    expect(status).toBe(expected);
    expect(html).not.toMatch(/\bat .*\.ts:\d+/);
  });

  it.each([
    ["no action", {}],
    ["an unknown action", { action: "drop" }],
    ["no task", { action: "redrive" }],
    ["a generation of zero", { seen: "0.YQ" }],
    ["no generation", { seen: "YQ" }],
    ["an id that is no UTF-8", { seen: "1._____w" }],
    ["an empty id", { seen: "1." }],
  ])("a form is told what is wrong: %s", async (_, change) => {
    await using scene = await openThreeTasks();
    const visitor = visitorOf(scene);
    const { token } = tokenOf(await visitor.get("task?id=failed"));
    const form = new URLSearchParams({ action: "redrive", ...change, token });
    if (Object.keys(change).length === 0) form.delete("action");
    expect((await visitor.post("act", form)).status).toBe(400);
  });

  it("by another method is refused, and no GET changes anything", async () => {
    await using scene = await openThreeTasks();
    const visitor = visitorOf(scene);
    for (const method of ["PUT", "DELETE", "PATCH", "OPTIONS"]) {
      const { status, headers } = await visitor.get("tasks", { method });
      expect([status, headers.get("allow")]).toEqual([405, "GET, HEAD, POST"]);
    }
    const { fields } = formWith((await visitor.get("task?id=failed")).html, "Redrive");
    for (const path of everyAction)
      expect((await visitor.get(`${path}?${fields.toString()}`)).status).toBe(405);
    expect((await visitor.post("tasks", fields)).status).toBe(405);
    expect((await scene.store.get("failed"))?.state).toBe("failed");
  });
});
