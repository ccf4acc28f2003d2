// From samples to what is printed: medians, spread, and ratios within the same round.

/** A figure over all rounds. */
export interface Summary {
  readonly median: number;
  readonly least: number;
  readonly most: number;
  readonly count: number;
}

/** The value below which a part of the samples lies; interpolated between the two nearest. Null when there are none. */
export function quantile(samples: readonly number[], part: number): number | null {
  const sorted = samples.toSorted((one, other) => one - other);
  const place = (sorted.length - 1) * part;
  const below = sorted[Math.floor(place)];
  const above = sorted[Math.ceil(place)];
  if (below === undefined || above === undefined) return null;
  return below + (above - below) * (place - Math.floor(place));
}

/** Null when there are no samples. */
export function summarise(samples: readonly number[]): Summary | null {
  const median = quantile(samples, 0.5);
  if (median === null) return null;
  return { median, least: Math.min(...samples), most: Math.max(...samples), count: samples.length };
}

/** What one contestant showed in one round, in one variant of a scenario; null where it could not be measured. */
export interface Sample {
  readonly contestant: string;
  readonly variant: string;
  readonly round: number;
  readonly figures: Readonly<Record<string, number | null>>;
}

/** The values of one figure, by round. */
function byRound(
  samples: readonly Sample[],
  contestant: string,
  variant: string,
  figure: string,
): Map<number, number> {
  const found = new Map<number, number>();
  for (const sample of samples) {
    const value = sample.figures[figure] ?? null;
    if (sample.contestant === contestant && sample.variant === variant && value !== null) {
      found.set(sample.round, value);
    }
  }
  return found;
}

/** A figure of a contestant over the rounds. */
export function figureOf(
  samples: readonly Sample[],
  contestant: string,
  variant: string,
  figure: string,
): Summary | null {
  return summarise([...byRound(samples, contestant, variant, figure).values()]);
}

/** One side of a ratio. */
export interface Side {
  readonly contestant: string;
  readonly variant: string;
}

/**
 * A figure of one side divided by that of the other, round by round, so that what else the machine did in a round falls
 * on both. Null when no round has both.
 */
export function ratioOf(samples: readonly Sample[], side: Side, to: Side, figure: string): Summary | null {
  const others = byRound(samples, to.contestant, to.variant, figure);
  const ratios: number[] = [];
  for (const [round, value] of byRound(samples, side.contestant, side.variant, figure)) {
    const other = others.get(round);
    if (other !== undefined && other !== 0) ratios.push(value / other);
  }
  return summarise(ratios);
}
