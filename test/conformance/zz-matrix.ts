import { runLaw, storeLaws } from "../../src/conformance/index.ts";
import { claimBugs } from "./claim-bugs.ts";
import { enqueueBugs } from "./enqueue-bugs.ts";
import { operatorBugs } from "./operator-bugs.ts";
import { openHarness } from "./planted-bug.ts";
import { settleBugs } from "./settle-bugs.ts";
process.on("unhandledRejection", () => {});
const broken = new Map<string, number>();
for (const bug of [...enqueueBugs, ...claimBugs, ...settleBugs, ...operatorBugs]) {
  for (const law of storeLaws) {
    try { await Promise.race([runLaw(law, () => openHarness(bug)), new Promise((_, r) => setTimeout(() => r(new Error("hang")), 3000).unref())]); } catch { broken.set(law.name, (broken.get(law.name) ?? 0) + 1); }
  }
}
console.log(storeLaws.filter((l) => !broken.has(l.name)).map((l) => l.name).join("\n"));
