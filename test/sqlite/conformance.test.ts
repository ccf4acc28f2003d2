// The SQLite store keeps every law of the store contract, on a real file, with the user's own connection beside it.
import { test } from "vitest";

import { registerStoreConformance } from "../../src/conformance/index.ts";
import { openHarness } from "./harness.ts";

registerStoreConformance({ test, skip: (name) => test.skip(name) }, openHarness, {
  singleWriter: "SQLite has one writer: while a caller's transaction is open nobody else can write",
});
