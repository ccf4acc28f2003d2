// A worker process of any system: executes what the system hands it, and leaves evidence.
import { setTimeout as delay } from "node:timers/promises";
import { driverOf, type Job } from "./driver.ts";
import { EvidenceWriter } from "./evidence.ts";
import type { Message, ProcessSettings } from "./messages.ts";

/** Long enough for the healthy neighbours to be under way. */
const POISON_AFTER_MS = 200;

const settings = JSON.parse(process.argv[2] ?? "{}") as ProcessSettings; // written by the comparison
const evidence = new EvidenceWriter(settings.evidenceFile);

async function execute({ task, workMs, isPoison }: Job): Promise<void> {
  const end = evidence.start(task);
  if (isPoison) {
    await delay(POISON_AFTER_MS);
    process.kill(process.pid, "SIGKILL");
  }
  await delay(workMs);
  end();
}

process.on("disconnect", () => process.exit(0));
const driver = await driverOf(settings.system);
const workers = await driver.work(settings.place, execute);
process.send?.({ kind: "ready", workers } satisfies Message);
