// The laws of the store contract, on every Postgres this run has.
import { describe, it } from "vitest";
import { registerStoreConformance } from "../../src/conformance/index.ts";
import { sharedMajors } from "../support/database.ts";
import { openHarness } from "./harness.ts";

const runner = {
  test: (name: string, run: () => Promise<void>) => it(name, run),
  skip: (name: string, reason: string) => it.skip(`${name} (${reason})`),
};

describe.each(sharedMajors())("the Postgres store on %i", (major) => {
  registerStoreConformance(runner, () => openHarness({ major }));
});

describe("the Postgres store behind a pooler", () => {
  registerStoreConformance(runner, () => openHarness({ pooler: true }));
});
