// The scanner tells comments, strings and code apart.
import { expect, it } from "vitest";
import { scan } from "./scanned-file.ts";

it("comments and strings are blank in the code, which keeps its length and its lines", () => {
  const text = `const a = "x // y"; // z\n/* b\n */ const c = 'it\\'s';`;
  const { code, comments, strings } = scan("a.ts", text);
  expect(code).toBe(`const a = "      ";     \n    \n    const c = '     ';`);
  expect(comments.map((comment) => comment.text)).toEqual(["// z", "/* b\n */"]);
  expect(strings.map((string) => string.text)).toEqual(["x // y", "it\\'s"]);
});

it("what stands in the holes of a template is code", () => {
  const { code, strings } = scan("a.ts", "const a = `x ${f({ b: `in ${c} ner` })} y`; d();");
  expect(code).toContain("f({ b: `");
  expect(code).toContain("d();");
  expect(code).not.toMatch(/\bx\b|ner|\by\b/);
  expect(strings.map((string) => string.text)).toEqual(["x ", "in ", " ner", " y"]);
});

it("a regular expression is not the start of a string or a comment, and a division is not a regular expression", () => {
  expect(scan("a.ts", `x.replace(/["'/*]/g, y); z("s");`).strings.map((string) => string.text)).toEqual([
    "s",
  ]);
  expect(scan("a.ts", `const h = (a + b) / 2; const q = "s" + c / d;`).strings).toHaveLength(1);
});
