// What a scenario is: an id of the fault catalogue, what is expected, and what is done.
import type { Guarantee } from "../checker/finding.ts";
import type { Stage, StageSettings } from "./stage.ts";

/** Sections of the catalogue. */
export type Section = "process" | "database" | "shutdown" | "data" | "schema" | "time" | "operator";

/** Things a scenario needs that not every machine has. */
export type Need = "faketime" | "pgbouncer" | "mount" | "sqlite";

/** A scenario. */
export interface Scenario {
  /** As in the catalogue; a variant has a letter behind it. */
  readonly id: string;
  readonly title: string;
  /** What must come out, in a sentence. The checker holds all guarantees on top of it. */
  readonly expects: string;
  /** Settings that differ from the short ones. */
  readonly settings?: Partial<StageSettings>;
  /** A server that is crashed, filled or set up in its own way; by default all share one. */
  readonly ownServer?: Readonly<Record<string, string>>;
  /** The run is on a SQLite file. */
  readonly onSqlite?: boolean;
  /** The database is empty, or there is none: no schema, no audit, so that the scenario alone judges. */
  readonly unmigrated?: boolean;
  /** Guarantees whose preconditions the scenario takes away: a breach of them is what it shows. */
  readonly forgives?: readonly Guarantee[];
  readonly needs?: readonly Need[];
  /** Also in `npm test`, and not in the full run alone. */
  readonly isShort?: boolean;
  /** Does what is to be done, and throws when what is expected does not come out. */
  run(stage: Stage): Promise<void>;
}

/** A scenario of the catalogue that cannot run yet: what it tests is not built. */
export interface WaitingScenario {
  readonly id: string;
  readonly title: string;
  readonly waitsFor: string;
}

/** Thrown when the machine does not allow a scenario. */
export class Skipped extends Error {}
