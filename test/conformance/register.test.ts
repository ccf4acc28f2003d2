// How the suite registers its laws with a runner.
import { expect, test } from "vitest";

import {
  type ConformanceHarness,
  type ConformanceOptions,
  registerStoreConformance,
  runLaw,
  storeLaws,
} from "../../src/conformance/index.ts";
import { openHarness } from "./planted-bug.ts";

/** What a registration asks of its runner. */
function registered(options?: ConformanceOptions): {
  readonly tests: string[];
  readonly skips: Map<string, string>;
} {
  const tests: string[] = [];
  const skips = new Map<string, string>();
  const runner = {
    test: (name: string) => void tests.push(name),
    skip: (name: string, reason: string) => void skips.set(name, reason),
  };
  registerStoreConformance(runner, openHarness, options);
  return { tests, skips };
}

const [firstLaw] = storeLaws;

test("no two laws bear the same name", () => {
  const names = storeLaws.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});

test("every law is registered once, in order", () => {
  const { tests, skips } = registered();
  expect(tests).toEqual(storeLaws.map(({ name }) => name));
  expect(skips.size).toBe(0);
});

test("a skipped law is handed over with its reason", () => {
  const name = firstLaw!.name;
  const { tests, skips } = registered({ skip: [{ law: name, reason: "not here" }] });
  expect(skips).toEqual(new Map([[name, "not here"]]));
  expect(tests).not.toContain(name);
});

test("skipping a law that does not exist is an error", () => {
  expect(() => registered({ skip: [{ law: "no such law", reason: "none" }] })).toThrow("no such law");
});

test("a single writer skips the laws that need two transactions, and only those", () => {
  const { tests, skips } = registered({ singleWriter: "one writer" });
  const concurrent = storeLaws.filter((law) => law.concurrentTransactions === true);
  expect([...skips.keys()]).toEqual(concurrent.map(({ name }) => name));
  expect(new Set(skips.values())).toEqual(new Set(["one writer"]));
  expect(tests.length + skips.size).toBe(storeLaws.length);
});

test("a harness is closed when its law fails", async () => {
  let closed = 0;
  const open = async (): Promise<ConformanceHarness> => {
    const harness = await openHarness();
    return { ...harness, close: async () => void (closed += 1) } as ConformanceHarness;
  };
  const broken = { name: "broken", run: () => Promise.reject(new Error("broken")) };
  await expect(runLaw(broken, open)).rejects.toThrow("broken");
  expect(closed).toBe(1);
});
