// A whole run, as --json writes it.
import type { Contestant } from "./contestants.ts";
import type { Figure, Reference, Scenario, Sizes } from "./scenario.ts";
import { figureOf, ratioOf, type Sample, type Summary } from "./statistics.ts";

/** What a scenario showed. */
export interface ScenarioResult
  extends Pick<Scenario, "name" | "number" | "title" | "figures" | "isMoreBetter"> {
  readonly says: string;
  readonly samples: readonly Sample[];
  readonly rows: readonly Row[];
  readonly tookMs: number;
  /** Of the machine at its end, over a minute: what else ran there shows in it. */
  readonly loadAverage: number;
}

/** One contestant in one variant, over all rounds. */
export interface Row {
  readonly contestant: string;
  readonly variant: string;
  /** In the order of the scenario's figures. */
  readonly figures: readonly (Summary | null)[];
  /** By the title of the reference; null where it says nothing. */
  readonly ratios: Readonly<Record<string, Summary | null>>;
  /** Whether a round was cut off by its limit. */
  readonly isCutOff: boolean;
}

/** A whole run. */
export interface Result {
  readonly versions: Readonly<Record<string, string>>;
  readonly machine: string;
  /** What differs from the defaults of the Postgres server. */
  readonly settings: Readonly<Record<string, string>>;
  readonly date: string;
  readonly isQuick: boolean;
  readonly sizes: Sizes;
  /** What was left out, and why. */
  readonly absent: readonly string[];
  readonly contestants: readonly Contestant[];
  readonly scenarios: readonly ScenarioResult[];
}

/** One row for each contestant and variant, variants together, in the order in which they were first measured. */
export function rowsOf(
  figures: readonly Figure[],
  references: readonly Reference[],
  samples: readonly Sample[],
): readonly Row[] {
  const [main] = figures;
  const known = new Map(samples.map((sample) => [`${sample.variant}\n${sample.contestant}`, sample]));
  const variants = [...new Set(samples.map(({ variant }) => variant))];
  const sides = variants.flatMap((variant) => [...known.values()].filter((side) => side.variant === variant));
  return sides.map(({ contestant, variant }) => ({
    contestant,
    variant,
    figures: figures.map(({ key }) => figureOf(samples, contestant, variant, key)),
    ratios: Object.fromEntries(
      references.map(({ title, to }) => {
        const other = to({ contestant, variant });
        const isItself = other?.contestant === contestant && other.variant === variant;
        if (other === null || isItself || main === undefined) return [title, null];
        return [title, ratioOf(samples, { contestant, variant }, other, main.key)];
      }),
    ),
    isCutOff: samples.some(
      (sample) =>
        sample.contestant === contestant && sample.variant === variant && sample.figures["done"] === 0,
    ),
  }));
}
