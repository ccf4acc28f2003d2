// What an attacker can have written into a task, its error, or an address is shown as text, whatever it looks like.
import { describe, expect, it } from "vitest";
import { newTask } from "../../src/conformance/scene.ts";
import { html } from "../../src/dashboard/markup.ts";
import { corpus } from "./corpus.ts";
import { boxOf, openScene, type Page, unescaped, visitorOf } from "./scene.ts";

/** Elements and attributes that no page of ours has, as a parser would see them. */
const ours =
  /<\/?(?:!doctype|html|head|meta|title|link|script|body|a|header|nav|form|label|input|button|main|h1|h2|h3|p|div|section|ul|ol|li|span|table|caption|thead|tbody|tr|th|td|dl|dt|dd|time|details|summary|pre|code|strong|bdi|select|option|footer|figure|figcaption|svg|g|rect|path|progress)(?: [a-z-]+\d?(?:="[^"<>]*")?)*\/?>/gi;

function expectHarmless({ html: page }: Page, where: string): void {
  expect(page.replace(ours, ""), where).not.toMatch(/[<>]/);
  const names = [...page.matchAll(ours)].map(([tag]) => tag.replace(/="[^"]*"/g, ""));
  expect(
    names.filter((tag) => /\son[a-z]|style/i.test(tag)),
    where,
  ).toEqual([]);
  const addresses = [...page.matchAll(/(?:href|src|action)="([^"]*)"/g)].map(([, address = ""]) => address);
  expect(
    addresses.filter((address) => !/^(?:\/(?!\/)|#)/.test(address)),
    where,
  ).toEqual([]);
  expect([...page.matchAll(/<script/gi)].length, where).toBe(page === "" ? 0 : 1);
}

it("the corpus is one", () => {
  expect(corpus.length).toBeGreaterThanOrEqual(60);
  expect(new Set(corpus).size).toBe(corpus.length);
});

describe("in every field of a task", () => {
  it("is shown as text on every page that shows it", async () => {
    await using scene = await openScene();
    for (const [index, text] of corpus.entries()) {
      const encoded = new TextEncoder().encode(text);
      const fields = {
        type: text.slice(0, 100),
        referenceId: text,
        data: encoded,
        codec: text.slice(0, 40),
        headers: { x: text },
      };
      await scene.enqueue([newTask(`${text}`, fields), newTask(`${index}:${text}`, fields)]);
      await scene.failAll(text, { name: text, code: text, stack: `${text}\n  at ${text}` });
      const slowest = { taskId: text, ms: 5 };
      const counts = {
        type: text.slice(0, 100),
        confirmed: 1,
        failed: 2,
        givenUp: 1,
        waits: [1],
        runs: [1],
        slowest,
      };
      await scene.store.recordRollUps([counts]);
      const by = { actor: text.slice(0, 200), via: text.slice(0, 40), reason: text };
      await scene.store.cancel(text, { by });
    }
    const visitor = visitorOf(scene, { authorize: () => "<i>ann</i>" });
    for (const path of ["", "tasks", "failed", "types", "processes", "audit"]) {
      expectHarmless(await visitor.get(path), path);
    }
    for (const text of corpus) {
      const query = new URLSearchParams({ id: text, data: "shown" }).toString();
      const task = await visitor.get(`task?${query}`);
      expect([task.status, text]).toEqual([200, text]);
      expectHarmless(task, `task ${text}`);
      const address = new URLSearchParams({
        type: text.slice(0, 100),
        reference: text,
        id: text,
        error: text,
      }).toString();
      expectHarmless(await visitor.get(`tasks?state=failed&${address}`), `tasks ${text}`);
      const type = new URLSearchParams({
        type: text.slice(0, 100),
        span: text,
        actor: text,
        id: text,
      }).toString();
      expectHarmless(await visitor.get(`types?${type}`), `types ${text}`);
      expectHarmless(await visitor.get(`audit?${type}`), `audit ${text}`);
      expectHarmless(
        await visitor.get(`find?${new URLSearchParams({ q: text }).toString()}`),
        `find ${text}`,
      );
      expectHarmless(
        await visitor.press(await visitor.get("tasks"), "Redrive selected…", [boxOf(text)]),
        `preview ${text}`,
      );
    }
  });

  it("an id goes through links and forms unchanged, so that exactly that task is redriven", async () => {
    await using scene = await openScene();
    await scene.enqueue(corpus.map((text) => newTask(text, { type: "mail" })));
    await scene.failAll();
    const visitor = visitorOf(scene);
    for (const text of corpus) {
      const page = await visitor.get(`task?${new URLSearchParams({ id: text }).toString()}`);
      await visitor.press(page, "Redrive");
      expect([text, (await scene.store.get(text))?.state]).toEqual([text, "pending"]);
    }
  });

  it("a title, a header or a redirect cannot be broken out of", async () => {
    await using scene = await openScene();
    await scene.enqueue([newTask("x\r\nSet-Cookie: a=b", { type: "mail", referenceId: "r\r\nX: y" })]);
    const found = await visitorOf(scene).get("find?q=r%0D%0AX%3A%20y");
    expect(found.headers.get("location")).toBe("/task?id=x%0D%0ASet-Cookie%3A+a%3Db");
    expect(found.headers.has("set-cookie")).toBe(false);
  });
});

describe("a template", () => {
  it.each(corpus)("escapes %j in text and in an attribute", (text) => {
    const page = html`<p title="${text}">${text}</p>`.toString();
    const [, title = "", inside = ""] = /^<p title="([^"'<>]*)">([^"'<>]*)<\/p>$/.exec(page) ?? [
      "",
      "broken",
      "broken",
    ];
    expect(unescaped(title)).toBe(text);
    expect(unescaped(inside).length).toBe(text.length);
  });

  it("keeps what templates made, joins lists, and leaves out null and false", () => {
    expect(html`<ul>${["<", html`<li>${1}</li>`]}${null}${false}</ul>`.toString()).toBe(
      "<ul>&lt;<li>1</li></ul>",
    );
  });

  it("shows what nobody could see, and what turns the direction of text, as such", () => {
    expect(html`<b>${"a\u202eb\u0000c\nd"}</b>`.toString()).toBe("<b>a\ufffdb\ufffdc\nd</b>");
  });
});
