// All scenarios, in the order in which they run.
import type { Scenario } from "./scenario.ts";
import { backlogScenario } from "./scenarios/backlog.ts";
import { bulkScenario } from "./scenarios/bulk.ts";
import { drainScenario } from "./scenarios/drain.ts";
import { enqueueScenario } from "./scenarios/enqueue.ts";
import { latencyScenario } from "./scenarios/latency.ts";
import { lifeScenario } from "./scenarios/life.ts";
import { pinnedScenario } from "./scenarios/pinned.ts";
import { sqliteScenario } from "./scenarios/sqlite.ts";

/** All of them. */
export const scenarios: readonly Scenario[] = [
  drainScenario,
  enqueueScenario,
  bulkScenario,
  latencyScenario,
  lifeScenario,
  pinnedScenario,
  backlogScenario,
  sqliteScenario,
];
