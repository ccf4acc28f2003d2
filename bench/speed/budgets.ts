// What the engine is to reach, beside what was measured.
import type { ScenarioName } from "./contestants.ts";
import type { ScenarioResult } from "./result.ts";
import { figureOf, ratioOf, type Sample, type Side, type Summary } from "./statistics.ts";

/** A budget, and how it went. */
export interface Budget {
  readonly what: string;
  readonly wanted: string;
  /** Null: this run did not measure it. */
  readonly measured: Summary | null;
  readonly digits: number;
  readonly isMet: boolean | null;
}

type Samples = ReadonlyMap<ScenarioName, readonly Sample[]>;

interface Bound {
  readonly what: string;
  readonly least?: number;
  readonly most?: number;
  readonly unit?: string;
  readonly digits?: number;
  readonly measure: (samples: Samples) => Summary | null;
}

const side = (contestant: string, variant: string): Side => ({ contestant, variant });

/** A ratio of the charted figures of throughput. */
function ratio(scenario: ScenarioName, one: Side, other: Side): Bound["measure"] {
  return (samples) => ratioOf(samples.get(scenario) ?? [], one, other, "perSecond");
}

/** The best of a library's configurations in this run: the one that leaves the smallest ratio. */
function ratioToBest(library: string, variant: string): Bound["measure"] {
  return (samples) => {
    const drained = samples.get("drain") ?? [];
    const names = new Set(drained.map(({ contestant }) => contestant));
    const ratios = [...names]
      .filter((name) => name === library || name.startsWith(`${library},`))
      .map((name) => ratioOf(drained, side("owed", variant), side(name, variant), "perSecond"))
      .filter((found) => found !== null);
    return ratios.toSorted((a, b) => a.median - b.median)[0] ?? null;
  };
}

function figure(scenario: ScenarioName, one: Side, key: string): Bound["measure"] {
  return (samples) => figureOf(samples.get(scenario) ?? [], one.contestant, one.variant, key);
}

const one = "1 process";
const many = "16 connections";
const elsewhere = "worker in another process";

const bounds: readonly Bound[] = [
  {
    what: "drain, 1 process: of raw SQL that keeps the same promises",
    least: 0.9,
    measure: ratio("drain", side("owed", one), side("raw SQL", one)),
  },
  {
    what: "drain, 1 process: of graphile-worker's best",
    least: 1.5,
    measure: ratioToBest("graphile-worker", one),
  },
  { what: "drain, 1 process: of BullMQ's best", least: 3, measure: ratioToBest("BullMQ", one) },
  { what: "drain, 1 process: of pg-boss's best", least: 4, measure: ratioToBest("pg-boss", one) },
  {
    what: "drain: 4 processes, of one",
    least: 0.9,
    measure: ratio("drain", side("owed", "4 processes"), side("owed", one)),
  },
  {
    what: "bulk enqueue: of raw SQL that writes the same rows",
    least: 0.85,
    measure: ratio("bulk", side("owed", "in bulk"), side("raw SQL", "in bulk")),
  },
  {
    what: "enqueue(tx), 16 connections: of a raw one-row insert",
    least: 0.8,
    measure: ratio("enqueue", side("owed, enqueue(tx)", many), side("raw SQL, one-row insert", many)),
  },
  {
    what: "transaction(), 16 connections: of a raw one-row insert",
    least: 1,
    measure: ratio("enqueue", side("owed, transaction()", many), side("raw SQL, one-row insert", many)),
  },
  {
    what: "transaction(), 16 connections: of the transaction without any",
    least: 0.5,
    measure: ratio("enqueue", side("owed, transaction()", many), side("the transaction without any", many)),
  },
  {
    what: "latency, median: fast path by transaction()",
    most: 0.3,
    unit: "ms",
    measure: figure("latency", side("owed", "fast path, transaction()"), "p50"),
  },
  {
    what: "latency, median: fast path by a verified read",
    most: 1,
    unit: "ms",
    measure: figure("latency", side("owed", "fast path, tryExecuteNow"), "p50"),
  },
  {
    what: "latency, median: worker in another process, by polling alone",
    most: 60,
    unit: "ms",
    digits: 1,
    measure: figure("latency", side("owed, polling", elsewhere), "p50"),
  },
  {
    what: "latency, median: worker in another process, with LISTEN",
    most: 5,
    unit: "ms",
    digits: 1,
    measure: figure("latency", side("owed", elsewhere), "p50"),
  },
  {
    what: "WAL of a task: in bulk, then a worker",
    most: 1_150,
    unit: "bytes",
    digits: 0,
    measure: figure("life", side("owed", "in bulk, then a worker"), "wal"),
  },
  {
    what: "rows left dead by a task: in bulk, then a worker",
    most: 2,
    digits: 1,
    measure: figure("life", side("owed", "in bulk, then a worker"), "dead"),
  },
  {
    what: "throughput at the end of a pinned snapshot, of that at its start",
    least: 0.9,
    measure: figure("pinned", side("owed", "under a pinned snapshot"), "kept"),
  },
  {
    what: "memory of a worker, 1,000,000 pending, 1,000 slots",
    most: 200,
    unit: "MB",
    digits: 0,
    measure: figure("backlog", side("owed, 1,000 slots", "1,000,000 waiting"), "megabytes"),
  },
];

/** Every budget, in order. */
export function budgets(scenarios: readonly Pick<ScenarioResult, "name" | "samples">[]): readonly Budget[] {
  const samples = new Map(scenarios.map((scenario) => [scenario.name, scenario.samples]));
  return bounds.map(({ what, least, most, unit = "", digits = 2, measure }) => {
    const measured = measure(samples);
    const bound = least === undefined ? `at most ${most}` : `at least ${least}`;
    // As it is shown, so that nothing reads as 0.90 and missed.
    const value = measured === null ? null : Number(measured.median.toFixed(digits));
    const isMet = value === null ? null : value >= (least ?? -Infinity) && value <= (most ?? Infinity);
    return { what, wanted: `${bound} ${unit}`.trim(), measured, digits, isMet };
  });
}
