// The house rules, held against everything in the repository.
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { houseRules } from "./house-rules.ts";
import { repositoryFile, repositoryPaths } from "./repository-files.ts";

const files = repositoryPaths().map(repositoryFile);

it("the scan finds the sources", () => {
  expect(files.map(({ path }) => path)).toEqual(
    expect.arrayContaining(["package.json", "src/errors.ts", ".ci/run"]),
  );
});

it.each(houseRules)("$says", ({ covers, violations }) => {
  expect(files.filter(({ path }) => covers(path)).flatMap(violations)).toEqual([]);
});

it.each(["", "bench/"])("the lockfile in %j names no registry but the public one", (folder) => {
  const lockfile = readFileSync(new URL(`../../${folder}package-lock.json`, import.meta.url), "utf8");
  const hosts = [...lockfile.matchAll(/"resolved": "(https?:\/\/[^/"]+)/g)].map((match) => match[1]);
  expect(hosts.filter((host) => host !== "https://registry.npmjs.org")).toEqual([]);
});
