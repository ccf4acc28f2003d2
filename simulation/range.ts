// Plays a range of seeds, one after the other.
import { drawPlan } from "./draw-plan.ts";
import { judge } from "./judge.ts";
import type { Failure, RangeReport } from "./report.ts";
import { play } from "./scenario.ts";
import { reached } from "./sometimes.ts";

/** How to play a range. */
export interface RangeOptions {
  readonly from: number;
  readonly seeds: number;
  /** Stops after this many failures. */
  readonly mostFailures?: number;
}

/** Plays the seeds `from` to `from + seeds - 1` and answers what was seen. */
export async function playRange(options: RangeOptions): Promise<RangeReport> {
  const { from, seeds, mostFailures = 100 } = options;
  const began = process.hrtime.bigint();
  const failures: Failure[] = [];
  const seen: Record<string, number> = {};
  let events = 0;
  let virtualMs = 0;
  let played = 0;
  while (played < seeds && failures.length < mostFailures) {
    const seed = from + played;
    const run = await play(drawPlan(seed));
    played += 1;
    events += run.events;
    virtualMs += run.virtualMs;
    for (const [tag, count] of reached(run.history, run.seen)) seen[tag] = (seen[tag] ?? 0) + count;
    const violations = judge(run);
    if (violations.length === 0) continue;
    const laws = [...new Set(violations.map(({ law }) => law))];
    const details = violations
      .slice(0, 5)
      .map(({ law, taskId, detail }) => `${law} (${taskId ?? "-"}): ${detail}`);
    failures.push({ seed, laws, details });
  }
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  return {
    ranges: [{ from, to: from + played - 1 }],
    seeds: played,
    seconds,
    events,
    virtualMs,
    failures,
    seen,
  };
}
