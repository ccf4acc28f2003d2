// F15: processes that die at each statement of the transaction in which their task is completed.
import assert from "node:assert/strict";
import { join } from "node:path";
import { HistoryWriter, processFile } from "../../checker/files.ts";
import { EFFECTS_TABLE } from "../process/transfers.ts";
import { COMMIT, type Deed } from "../proxy.ts";
import type { Scenario } from "../scenario.ts";
import type { Stage } from "../stage.ts";
import { order } from "./orders.ts";

/** The statements of the transaction, by text that stands in each. */
const statements = ["begin", "insert into effects", `"task"`, "confirm_within", COMMIT];
/** It never arrives; or it is carried out, and its answer never comes. */
const deeds: readonly Deed[] = ["black-hole", "swallow-reply"];

interface EffectRow {
  readonly task_id: string;
  readonly owner: string;
  readonly claim: string;
  readonly generation: number;
}

/** Writes the rows that were found into the history, for the checker to count. */
async function noteEffects(stage: Stage): Promise<readonly string[]> {
  const rows = await stage.postgres.sql<EffectRow>("select * from effects order by task_id");
  using writer = new HistoryWriter(join(stage.folder, "history", processFile("effects")));
  rows.forEach(({ task_id: taskId, owner, claim, generation }, index) => {
    const token = { owner, claim: Number(claim), generation };
    const event = { kind: "effect", taskId, token } as const;
    writer.write({ process: "effects", boot: 1, seq: index + 1, monotonicMs: 0, event });
  });
  return rows.map(({ task_id: taskId }) => taskId);
}

const killedAtEveryStatement: Scenario = {
  id: "F15",
  title: "kill -9 at every statement of a transactional completion",
  expects: "one row of effects and one follow-up for each task, and each is confirmed",
  isShort: true,
  async run(stage) {
    await stage.postgres.sql(EFFECTS_TABLE);
    const client = await stage.client("client");
    const moments = statements.flatMap((text) => deeds.map((deed) => ({ text, deed })));
    for (const [index, moment] of moments.entries()) {
      const doomed = await stage.worker(`doomed-${index}`, {
        proxied: true,
        concurrency: 1,
        kinds: ["transfer"],
      });
      stage.nemesis.note({ kind: "cut", process: doomed.name });
      const reached = stage.proxyOf(doomed).when(moment);
      const taskId = `transfer-${index}`;
      await stage.enqueue(client, [order(taskId, { followUp: `receipt of ${taskId}` }, "transfer")]);
      await reached;
      await stage.kill(doomed);
      // The server learns that its client is gone; until then its transaction holds the task.
      stage.heal(doomed);
    }
    await stage.worker("last", { kinds: ["transfer", "receipt"] });
    stage.quiet();
    await stage.rest();
    const taskIds = moments.map((_, index) => `transfer-${index}`).sort();
    assert.deepEqual(await noteEffects(stage), taskIds);
    assert.equal((await stage.postgres.counts()).confirmed, 2 * taskIds.length);
  },
};

/** All of them. */
export const completionScenarios: readonly Scenario[] = [killedAtEveryStatement];
