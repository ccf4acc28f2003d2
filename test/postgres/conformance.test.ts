// The laws of the store contract, on every Postgres this run has: none is skipped.
import { afterAll, beforeAll, describe, it } from "vitest";
import { registerStoreConformance } from "../../src/conformance/index.ts";
import { sharedMajors } from "../support/database.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
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

// The versions in between have the laws and no more: what else is tested differs with the oldest and the newest, if at all.
if (isFull && sharedMajors().length > 0) {
  describe.each([15, 16, 17] as const)("the Postgres store on %i", (major) => {
    let server: PostgresServer;
    beforeAll(async () => {
      server = await startPostgres({ major });
    });
    afterAll(() => server[Symbol.asyncDispose]());
    registerStoreConformance(runner, () => openHarness({ connectionString: server.connectionString }));
  });
}

// Without startup parameters and prepared statements; the laws are the same, so once in a while is enough.
if (isFull) {
  describe("the Postgres store behind a pooler", () => {
    registerStoreConformance(runner, () => openHarness({ pooler: true }));
  });
}

// What the roles may do is enough for all that a store is asked; each alone is tested in roles.test.ts.
if (isFull) {
  describe.each(sharedMajors())(
    "the Postgres store on %i, for a user with every role but the owner's",
    (major) => {
      registerStoreConformance(runner, () =>
        openHarness({ major, roles: ["enqueuer", "worker", "dashboard"] }),
      );
    },
  );
}
