// The SQLite store keeps every law of the store contract, on a real file, with the user's own connection beside it.
import { describe, test } from "vitest";

import { registerStoreConformance } from "../../src/conformance/index.ts";
import { openHarness } from "./harness.ts";

const runner = {
  test: (name: string, run: () => Promise<void>) => test(name, run),
  // skipped: the suite hands on the reason given below, and it stands in the name.
  skip: (name: string, reason: string) => test.skip(`${name} (${reason})`),
};

const singleWriter = "SQLite has one writer: while a caller's transaction is open nobody else can write";

registerStoreConformance(runner, () => openHarness(), { singleWriter });

if (process.env["OWED_TEST_FULL"] === "1") {
  describe("with libsql", () => {
    registerStoreConformance(runner, () => openHarness({ driver: "libsql" }), { singleWriter });
  });
}
