// Spans of virtual time: joined, and looked through for room between them.

/** From one moment to another. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Whether any of the spans touches this one. */
export function touches(spans: readonly Span[], { fromMs, toMs }: Span): boolean {
  return spans.some((span) => span.fromMs <= toMs && span.toMs >= fromMs);
}

/** The first part of a span that none of the others touches and that is longer than said; null when there is none. */
export function freePart({ fromMs, toMs }: Span, taken: readonly Span[], longerThanMs: number): Span | null {
  let freeMs = fromMs;
  for (const span of taken.toSorted((left, right) => left.fromMs - right.fromMs)) {
    if (span.fromMs >= toMs) break;
    if (span.fromMs - freeMs > longerThanMs) return { fromMs: freeMs, toMs: span.fromMs };
    freeMs = Math.max(freeMs, span.toMs);
  }
  return toMs - freeMs > longerThanMs ? { fromMs: freeMs, toMs } : null;
}

/** The times at which at least so many of the spans go on at once. */
export function crowded(spans: readonly Span[], least: number): Span[] {
  const turns = spans.flatMap(({ fromMs, toMs }) => [
    { atMs: fromMs, change: 1 },
    { atMs: toMs, change: -1 },
  ]);
  // One that ends when another begins goes on a moment longer.
  turns.sort((left, right) => left.atMs - right.atMs || right.change - left.change);
  const found: Span[] = [];
  let count = 0;
  let sinceMs = 0;
  for (const { atMs, change } of turns) {
    const before = count;
    count += change;
    if (before < least && count >= least) sinceMs = atMs;
    if (before >= least && count < least) found.push({ fromMs: sinceMs, toMs: atMs });
  }
  return found;
}
