// Who is let in, what a request must be like, and what every answer carries (D1 to D17 of the security list).
import { InvalidInputError, StoreUnavailableError } from "owed";
import { type Authorize, type DashboardOptions, dashboard, type Right } from "owed/dashboard";
import { describe, expect, it } from "vitest";
import { styleFile } from "../../src/dashboard/files.ts";
import {
  boxOf,
  everyAction,
  formWith,
  openScene,
  openThreeTasks,
  type Page,
  tokenOf,
  Visitor,
  visitorOf,
} from "./scene.ts";

const rights: readonly Right[] = [
  "view",
  "survey",
  "reveal",
  "redrive",
  "cancel",
  "erase",
  "delete",
  "metrics",
];
const everyPage = [
  "",
  "tasks",
  "tasks?state=pending",
  "task?id=failed",
  "failed",
  "types",
  "types?type=mail",
  "processes",
  "audit",
  "find?q=x",
  styleFile.name,
];

/** Grants what is listed. */
const granting =
  (...granted: readonly Right[]): Authorize =>
  ({ right }) =>
    granted.includes(right) ? "ann" : null;

describe("a dashboard is not made", () => {
  it("without a word about who may use it", async () => {
    await using scene = await openScene();
    const { store } = scene;
    const make = (options: object) => () => dashboard({ store, ...options } as unknown as DashboardOptions);
    expect(make({})).toThrow(InvalidInputError);
    expect(make({})).toThrow(/authorize is missing/);
    expect(make({ authorize: undefined })).toThrow(/authorize is missing/);
    expect(make({ authorize: true })).toThrow(/authorize/);
    expect(make({ dangerouslyOpenOnLoopback: false })).toThrow(/authorize is missing/);
    expect(make({ authorize: () => "ann", dangerouslyOpenOnLoopback: true })).toThrow(/one of them/);
    expect(make({ authorize: () => "ann", loopbackRights: [] })).toThrow(/one of them/);
  });

  it("with an option that cannot be used", async () => {
    await using scene = await openScene();
    const make = (options: object) => () =>
      dashboard({ store: scene.store, authorize: () => "ann", ...options } as DashboardOptions);
    expect(make({ autorize: () => "ann" })).toThrow("did you mean authorize?");
    expect(make({ store: {} })).toThrow("store");
    expect(make({ secret: "short" })).toThrow("secret");
    for (const basePath of ["admin", "/admin/", "//evil.example", "/a/../b", "/a b", "/<script>"]) {
      expect(make({ basePath }), basePath).toThrow("basePath");
    }
    const onLoopback = {
      store: scene.store,
      dangerouslyOpenOnLoopback: true,
      loopbackRights: ["everything"],
    };
    expect(() => dashboard(onLoopback as unknown as DashboardOptions)).toThrow("loopbackRights");
  });
});

describe("without the right to view", () => {
  it("nothing is shown and nothing is done, whatever other rights there are", async () => {
    await using scene = await openThreeTasks();
    const visitor = visitorOf(scene, {
      authorize: granting("survey", "reveal", "redrive", "cancel", "erase", "delete"),
    });
    const { token } = tokenOf(await visitorOf(scene).get("tasks"));
    for (const path of [...everyPage, "nothing"]) {
      const { status, text } = await visitor.get(path);
      expect([path, status]).toEqual([path, 403]);
      expect(text).not.toMatch(/mailbox|order-/);
    }
    for (const path of everyAction) {
      const form = new URLSearchParams({
        action: "redrive",
        seen: boxOf("failed"),
        scope: "selected",
        token,
      });
      expect((await visitor.post(path, form)).status).toBe(403);
    }
    expect((await scene.store.get("failed"))?.state).toBe("failed");
  });

  it("the application's own response is sent, a login for one", async () => {
    await using scene = await openThreeTasks();
    const login = () => new Response(null, { status: 302, headers: { location: "/login" } });
    const { status, headers } = await visitorOf(scene, { authorize: login }).get("tasks");
    expect([status, headers.get("location")]).toEqual([302, "/login"]);
  });

  it.each([true, "", 1, {}])("an answer of %j is no person: nobody is let in", async (answer) => {
    await using scene = await openThreeTasks();
    const authorize = (() => answer) as unknown as Authorize;
    const { status, text } = await visitorOf(scene, { authorize }).get("tasks");
    expect([status, text.includes("order-")]).toEqual([500, false]);
  });

  it("a hook that throws lets nobody in, and does not show why", async () => {
    await using scene = await openThreeTasks();
    const authorize = () => {
      throw new Error("password of the session store: sesame");
    };
    const { status, html } = await visitorOf(scene, { authorize }).get("tasks");
    expect([status, html.includes("sesame"), html.includes("order-")]).toEqual([500, false, false]);
  });
});

const labels = {
  redrive: "Redrive",
  cancel: "Cancel the task",
  erase: "Erase its data…",
  delete: "Delete it…",
} as const;
const subjects = { redrive: "failed", cancel: "pending", erase: "cancelled", delete: "failed" } as const;

describe.each(["redrive", "cancel", "erase", "delete"] as const)("the right to %s", (action) => {
  it.each(["act", "apply"])("is needed for it, and enough (%s)", async (path) => {
    for (const granted of rights) {
      await using scene = await openThreeTasks();
      const visitor = visitorOf(scene, { authorize: granting("view", granted), secret: "s".repeat(32) });
      const taskId = subjects[action];
      const page = await visitor.get(`task?id=${taskId}`);
      const hasButton = page.html.includes(`>${labels[action]}</button>`);
      const { token } = tokenOf(await visitorOf(scene, { secret: "s".repeat(32) }).get("task?id=failed"));
      const form = new URLSearchParams({ action, seen: boxOf(taskId), scope: "selected", token });
      const before = await scene.store.get(taskId);
      const { status, text } = await visitor.post(path, form);
      const after = await scene.store.get(taskId);
      const isDone = JSON.stringify(before) !== JSON.stringify(after);
      expect([granted, hasButton, isDone]).toEqual([granted, granted === action, granted === action]);
      if (granted !== action) expect(path === "act" ? String(status) : text).toMatch(/403|not allowed/);
    }
  });

  it("is asked for with the task in question", async () => {
    await using scene = await openThreeTasks();
    const asked: unknown[] = [];
    const authorize: Authorize = ({ right, task }) => {
      if (right === action) asked.push(task);
      return task === null || right === "view" ? "ann" : null;
    };
    const visitor = visitorOf(scene, { authorize, secret: "s".repeat(32) });
    const { token } = tokenOf(await visitorOf(scene, { secret: "s".repeat(32) }).get("task?id=failed"));
    const taskId = subjects[action];
    const form = new URLSearchParams({ action, seen: boxOf(taskId), token });
    expect((await visitor.post("act", form)).status).toBe(403);
    expect(asked).toContainEqual({ taskId, type: "mail", referenceId: `order-${taskId}` });
  });
});

describe("a task that somebody may not see", () => {
  it("is told like one that does not exist, and cannot be touched", async () => {
    await using scene = await openThreeTasks();
    const authorize: Authorize = ({ right, task }) =>
      right === "view" && task?.taskId === "failed" ? null : "bob";
    const visitor = visitorOf(scene, { authorize });
    const [hidden, absent] = [await visitor.get("task?id=failed"), await visitor.get("task?id=absent")];
    expect([hidden.status, hidden.text]).toEqual([404, absent.text]);
    const { token } = tokenOf(await visitor.get("task?id=pending"));
    const form = new URLSearchParams({ action: "redrive", seen: boxOf("failed"), scope: "selected", token });
    expect((await visitor.post("act", form)).status).toBe(404);
    await visitor.post("apply", form);
    expect((await scene.store.get("failed"))?.state).toBe("failed");
  });
});

describe("open on the loopback", () => {
  const get = async (
    url: string,
    remoteAddress: string | undefined,
    headers: Record<string, string> = {},
  ) => {
    await using scene = await openThreeTasks();
    const handler = dashboard({ store: scene.store, dangerouslyOpenOnLoopback: true });
    return (await handler(new Request(url, { headers }), { remoteAddress })).status;
  };

  it("whoever comes from this machine, by one of its own names, is let in", async () => {
    for (const address of ["127.0.0.1", "::1", "::ffff:127.0.0.1", "127.8.9.1"]) {
      expect(await get("http://localhost:3000/", address)).toBe(200);
    }
    expect(await get("http://127.0.0.1:3000/", "127.0.0.1")).toBe(200);
    expect(await get("http://[::1]:3000/", "::1")).toBe(200);
  });

  it("nobody else is: from elsewhere, through a proxy, by a name of elsewhere, or where nobody knows", async () => {
    for (const address of ["10.0.0.7", "::ffff:10.0.0.7", "128.0.0.1", "", undefined]) {
      expect(await get("http://localhost:3000/", address)).toBe(403);
    }
    for (const header of ["x-forwarded-for", "forwarded", "x-real-ip", "via", "x-forwarded-host"]) {
      expect(await get("http://localhost:3000/", "127.0.0.1", { [header]: "10.0.0.7" })).toBe(403);
    }
    expect(await get("http://rebound.example:3000/", "127.0.0.1")).toBe(403);
    expect(await get("http://127.0.0.1.rebound.example/", "127.0.0.1")).toBe(403);
  });

  it("data stays hidden unless its rights say otherwise", async () => {
    await using scene = await openThreeTasks();
    const request = () => new Request("http://localhost/task?id=failed&data=shown");
    const from = { remoteAddress: "127.0.0.1" };
    const shut = dashboard({ store: scene.store, dangerouslyOpenOnLoopback: true });
    expect((await shut(request(), from)).status).toBe(403);
    const open = dashboard({
      store: scene.store,
      dangerouslyOpenOnLoopback: true,
      loopbackRights: ["view", "reveal"],
    });
    expect(await (await open(request(), from)).text()).toContain("&quot;of&quot;: &quot;failed&quot;");
  });
});

describe("every answer", () => {
  it("keeps the page to itself: pages, files, redirects, errors", async () => {
    await using scene = await openThreeTasks();
    const visitor = visitorOf(scene);
    const { fields } = formWith((await visitor.get("task?id=failed")).html, "Redrive");
    const answers: Page[] = [
      ...(await Promise.all(everyPage.map((path) => visitor.get(path)))),
      await visitor.get("nothing"),
      await visitor.get("tasks", { method: "PUT" }),
      await visitor.get("act"),
      await visitor.post("act", fields),
      await visitor.post("act", "x=1"),
      await visitor.get("tasks?state=running"),
      await visitorOf(scene, { authorize: () => null }).get("tasks"),
    ];
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 303, 400, 403, 404, 405]));
    for (const { headers, status } of answers) {
      const policy = headers.get("content-security-policy") ?? "";
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("script-src 'self'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).toContain("form-action 'self'");
      expect(policy).toContain("base-uri 'none'");
      expect(policy).not.toMatch(/unsafe|\*|data:|https?:/);
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
      expect(
        [...headers.keys()].filter((name) => /access-control|set-cookie|server|powered/.test(name)),
      ).toEqual([]);
      const isFile = status === 200 && !(headers.get("content-type") ?? "").startsWith("text/html");
      expect(headers.get("cache-control")).toBe(isFile ? "private, max-age=31536000, immutable" : "no-store");
    }
  });

  it("has no script and no style in the page, and names no other host", async () => {
    await using scene = await openThreeTasks();
    for (const path of everyPage.slice(0, -1)) {
      const { html } = await visitorOf(scene).get(path);
      expect(html).not.toMatch(
        /<style|style=|<script(?! src="\/files\/[0-9a-f]{12}\.js" defer><\/script>)|\son\w+=|javascript:/,
      );
      expect(html).not.toMatch(/(?:src|href|action)="(?!\/(?!\/)|#)/);
    }
  });

  it("is small: the page with its style and script is a few kilobytes", async () => {
    await using scene = await openThreeTasks();
    const visitor = visitorOf(scene);
    const page = (await visitor.get("")).html;
    const files = [...page.matchAll(/(?:src|href)="\/(files\/[^"]+)"/g)].map(([, path = ""]) => path);
    expect(files.length).toBe(3);
    const texts = await Promise.all(files.map(async (path) => (await visitor.get(path)).html));
    expect(page.length + texts.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(60_000);
  });

  it("to HEAD is that to GET, without a body", async () => {
    await using scene = await openThreeTasks();
    const { status, html, headers } = await visitorOf(scene).get("tasks", { method: "HEAD" });
    expect([status, html, headers.get("content-type")]).toEqual([200, "", "text/html; charset=utf-8"]);
    expect((await visitorOf(scene).get("nothing", { method: "HEAD" })).status).toBe(404);
  });
});

describe("an error of the database", () => {
  it("is told without its text, and the log has it without data", async () => {
    await using scene = await openThreeTasks();
    const lines: string[] = [];
    const log = (details: object, message: string): void =>
      void lines.push(`${message} ${JSON.stringify(details)}`);
    const logger = { debug: log, info: log, warn: log, error: log };
    const cause = new Error("connect to postgres://ann:sesame@db/shop");
    const failing = (error: Error) => ({ ...scene.store, statistics: () => Promise.reject(error) });
    const away = new StoreUnavailableError("no connection", { cause, outcomeUnknown: false });
    const unavailable = await visitorOf(scene, { store: failing(away), logger }).get("");
    expect([unavailable.status, unavailable.headers.get("retry-after")]).toEqual([503, "5"]);
    const broken = await visitorOf(scene, { store: failing(new TypeError("oops sesame")), logger }).get("");
    expect(broken.status).toBe(500);
    for (const { html } of [unavailable, broken]) expect(html).not.toMatch(/sesame|oops|TypeError/);
    expect(lines.length).toBe(2);
    expect(lines.join("\n")).toContain("the dashboard could not answer a request");
    expect(lines.join("\n")).not.toContain("ann:sesame");
  });
});

it("long work of more than two at once is told to wait", async () => {
  await using scene = await openThreeTasks();
  const waiting: (() => void)[] = [];
  const list: typeof scene.store.list = async (request) => {
    await new Promise<void>((resolve) => void waiting.push(resolve));
    return await scene.store.list(request);
  };
  const visitor = visitorOf(scene, { store: { ...scene.store, list } });
  const { token } = tokenOf(await visitor.get("task?id=failed"));
  const form = new URLSearchParams({ action: "redrive", scope: "matching", state: "failed", token });
  form.set("before", new Date(4e12).toISOString());
  const under = [visitor.post("apply", form), visitor.post("apply", form)];
  while (waiting.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  const third = await visitor.post("apply", form);
  expect([third.status, third.headers.get("retry-after")]).toEqual([429, "5"]);
  for (const go of waiting) go();
  expect((await Promise.all(under)).map(({ status }) => status)).toEqual([200, 200]);
});

it("a path beside its own is none of its pages", async () => {
  await using scene = await openThreeTasks();
  const visitor = visitorOf(scene, {}, "/admin/owed");
  expect((await visitor.get("tasks")).status).toBe(200);
  for (const path of ["/", "/tasks", "/admin/owedx", "/admin"]) {
    expect((await new Visitor(visitor.handler).get(path.slice(1))).status).toBe(404);
  }
  expect((await visitor.handler(new Request("http://localhost/admin/owed"))).status).toBe(200);
});
