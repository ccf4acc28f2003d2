// Statements for libraries whose placeholders are question marks.
import { expect, it } from "vitest";
import { positional } from "../../src/adapters/placeholders.ts";

it("values stand in the order of their places, as often as they are named", () => {
  expect(
    positional("select $2, $1, $10, $1", ["a", "b", ...Array.from({ length: 7 }, () => null), "j"]),
  ).toEqual({
    text: "select ?, ?, ?, ?",
    values: ["b", "a", "j", "a"],
  });
});

it("a question mark that stood there is escaped, and a value is not looked into", () => {
  expect(positional("select '?' where $1", ["$1 ?"])).toEqual({
    text: "select '\\?' where ?",
    values: ["$1 ?"],
  });
});
