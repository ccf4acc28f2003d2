// The suite is tested by what it must notice: each planted bug breaks the law that was written against it.
import { describe, expect, test } from "vitest";

import { runLaw, storeLaws } from "../../src/conformance/index.ts";
import { claimBugs } from "./claim-bugs.ts";
import { confirmationBugs } from "./confirmation-bugs.ts";
import { enqueueBugs } from "./enqueue-bugs.ts";
import { keyBugs } from "./key-bugs.ts";
import { operatorBugs } from "./operator-bugs.ts";
import { openHarness, type PlantedBug } from "./planted-bug.ts";
import { recordBugs } from "./record-bugs.ts";
import { settleBugs } from "./settle-bugs.ts";

const bugs: readonly PlantedBug[] = [
  ...enqueueBugs,
  ...claimBugs,
  ...keyBugs,
  ...settleBugs,
  ...confirmationBugs,
  ...operatorBugs,
  ...recordBugs,
];

/** Runs the law a bug is said to break, on a sound store unless the bug is given. */
function runBrokenLaw({ brokenLaw }: PlantedBug, bug?: PlantedBug): Promise<void> {
  const law = storeLaws.find(({ name }) => name === brokenLaw);
  if (law === undefined) throw new Error(`no law is named "${brokenLaw}"`);
  return runLaw(law, () => openHarness(bug));
}

describe("the suite notices when", () => {
  for (const bug of bugs) {
    test(bug.bug, async () => {
      await runBrokenLaw(bug);
      const noticed = expect(runBrokenLaw(bug, bug)).rejects;
      if (bug.throws !== undefined) await noticed.toThrow(bug.throws);
      else await noticed.toMatchObject({ code: "ERR_ASSERTION" });
    });
  }
});
