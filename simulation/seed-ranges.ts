// Ranges of seeds: joined, told, and what is missing of them.

/** Seeds from one to another, both among them. */
export interface SeedRange {
  readonly from: number;
  readonly to: number;
}

/** The ranges in order, neighbours joined. Throws where a seed stands in two of them: what it showed would count twice. */
export function joined(ranges: readonly SeedRange[]): readonly SeedRange[] {
  const found: SeedRange[] = [];
  for (const range of [...ranges].filter(({ from, to }) => from <= to).sort((a, b) => a.from - b.from)) {
    const last = found.at(-1);
    if (last !== undefined && range.from <= last.to) {
      const twice = told({ from: range.from, to: Math.min(range.to, last.to) });
      throw new Error(`seeds ${twice} stand in two reports and would count twice: leave one of the two out`);
    }
    if (last !== undefined && range.from === last.to + 1)
      found.splice(-1, 1, { from: last.from, to: range.to });
    else found.push(range);
  }
  return found;
}

/** What of `whole` is in none of the ranges. */
export function missingOf(whole: SeedRange, ranges: readonly SeedRange[]): readonly SeedRange[] {
  const missing: SeedRange[] = [];
  let next = whole.from;
  for (const { from, to } of joined(ranges)) {
    if (from > next) missing.push({ from: next, to: Math.min(from - 1, whole.to) });
    next = Math.max(next, to + 1);
  }
  missing.push({ from: next, to: whole.to });
  return missing.filter(({ from, to }) => from <= to);
}

/** Pieces of at most this many seeds. */
export function cut(ranges: readonly SeedRange[], seeds: number): readonly SeedRange[] {
  return ranges.flatMap(({ from, to }) =>
    Array.from({ length: Math.ceil(countOf({ from, to }) / seeds) }, (_, index) => ({
      from: from + index * seeds,
      to: Math.min(from + (index + 1) * seeds - 1, to),
    })),
  );
}

/** Seeds of a range. */
export function countOf({ from, to }: SeedRange): number {
  return Math.max(to - from + 1, 0);
}

/** As people read them, with what is missing between the first and the last. */
export function toldRanges(ranges: readonly SeedRange[]): string {
  const all = joined(ranges);
  const [first, last] = [all[0], all.at(-1)];
  if (first === undefined || last === undefined) return "no seeds";
  const gaps = missingOf({ from: first.from, to: last.to }, all);
  const missing = gaps.reduce((sum, gap) => sum + countOf(gap), 0);
  return `seeds ${all.map(told).join(", ")}${missing > 0 ? ` (${missing} missing between)` : ""}`;
}

function told({ from, to }: SeedRange): string {
  return from === to ? String(from) : `${from}-${to}`;
}
