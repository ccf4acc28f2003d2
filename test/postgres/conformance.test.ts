// The laws of the store contract, on every Postgres this run has: none is skipped.
import { describe, it } from "vitest";
import { registerStoreConformance } from "../../src/conformance/index.ts";
import { sharedMajors } from "../support/database.ts";
import { openHarness } from "./harness.ts";

const isFull = process.env["OWED_TEST_FULL"] === "1";

const runner = {
  test: (name: string, run: () => Promise<void>) => it(name, run),
  skip: (name: string) => {
    throw new Error(`"${name}" must not be skipped`);
  },
};

describe.each(sharedMajors())("the Postgres store on %i", (major) => {
  registerStoreConformance(runner, () => openHarness({ major }));
});

// Without startup parameters and prepared statements; the laws are the same, so once in a while is enough.
if (isFull) {
  describe("the Postgres store behind a pooler", () => {
    registerStoreConformance(runner, () => openHarness({ pooler: true }));
  });
}
