// All scenarios that can run, in the order of the fault catalogue.
import type { Scenario } from "./scenario.ts";
import { completionScenarios } from "./scenarios/completion.ts";
import { dataScenarios } from "./scenarios/data.ts";
import { databaseScenarios } from "./scenarios/database.ts";
import { networkScenarios } from "./scenarios/network.ts";
import { operatorScenarios } from "./scenarios/operator.ts";
import { processScenarios } from "./scenarios/process.ts";
import { schemaScenarios } from "./scenarios/schema.ts";
import { shutdownScenarios } from "./scenarios/shutdown.ts";
import { sqliteScenarios } from "./scenarios/sqlite.ts";
import { timeScenarios } from "./scenarios/time.ts";

/** Those that can run; what cannot stands in waiting.ts. */
export const scenarios: readonly Scenario[] = Object.freeze(
  [
    ...processScenarios,
    ...completionScenarios,
    ...databaseScenarios,
    ...networkScenarios,
    ...sqliteScenarios,
    ...shutdownScenarios,
    ...dataScenarios,
    ...schemaScenarios,
    ...timeScenarios,
    ...operatorScenarios,
  ].toSorted((left, right) => left.id.localeCompare(right.id, "en", { numeric: true })),
);
