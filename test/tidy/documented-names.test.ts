// What can be caught and what can be listened to has its entry in the documentation, and the documentation names nothing else.
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

import * as errors from "../../src/errors.ts";
import { repositoryFile, repositoryPaths } from "./repository-files.ts";
import { isSource } from "./rule.ts";

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const found = (text: string, pattern: RegExp): readonly string[] =>
  [...text.matchAll(pattern)].map((match) => match.slice(1).join(" ").trim());

/** `CODE Class` of each error class, from its source. */
const classes = found(
  read("src/errors.ts"),
  /export class (?<name>\w+) extends \w+ \{[^}]*?readonly code(?:: string)? = "(?<code>\w+)"/g,
).map((pair) => pair.split(" ").reverse().join(" "));
/** `CODE Class` of each entry, or `CODE` alone where no class is exported. */
const entries = found(read("docs/errors.md"), /^\*\*`(OWED_\w+)`\*\*(?: \(`(\w+)`\))?/gm);

it("every error class has its code in its source", () => {
  const exported = Object.keys(errors);
  expect(classes.map((pair) => pair.split(" ")[1] ?? "").sort()).toEqual(exported.sort());
});

it("every error class has its entry in docs/errors.md, under its code, and every entry its class", () => {
  expect(entries.filter((entry) => entry.includes(" ")).sort()).toEqual([...classes].sort());
});

/** Names of environment variables begin like codes. */
const code = /"(OWED_(?!WORKER_|DATABASE_URL"|SQLITE_FILE"|POOLER"|SCHEMA"|DEBUG"|ACTOR")[A-Z_]*[A-Z])"/g;

it("every code that occurs in the sources has an entry, and every entry occurs in the sources", () => {
  const sources = repositoryPaths().filter(isSource).map(repositoryFile);
  const codes = new Set(sources.flatMap(({ text }) => found(text, code)));
  expect(entries.map((entry) => entry.split(" ")[0] ?? "").sort()).toEqual([...codes].sort());
});

it("every channel has its line in docs/events.md, and every line its channel", () => {
  const channels = found(read("src/telemetry/channels.ts"), /^ {2}"([a-z.-]+)":/gm);
  expect(channels.length).toBeGreaterThan(20);
  expect(found(read("docs/events.md"), /^\| `owed:([a-z.-]+)`/gm)).toEqual(channels);
});

it("every event that is logged has its level in docs/events.md, and no other has one", () => {
  const logged = found(read("src/run/reporter.ts"), /^ {2}"([a-z.-]+)": \[\s*"(debug|info|warn|error)"/gm);
  expect(logged.length).toBeGreaterThan(10);
  const said = found(read("docs/events.md"), /^\| `owed:([a-z.-]+)` .* \| (\w+) \|$/gm);
  expect([...said].sort()).toEqual([...logged].sort());
});
