// `npm run simulate`: plays seeds in up to two processes, shows one seed, replays a plan, shrinks a failure, adds reports up.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { drawPlan } from "./draw-plan.ts";
import { judge } from "./judge.ts";
import type { Plan } from "./plan.ts";
import { playInProcesses } from "./processes.ts";
import { playRange } from "./range.ts";
import { describe, emptyReport, merge, neverReached, readReports } from "./report.ts";
import { play } from "./scenario.ts";
import { toldRanges } from "./seed-ranges.ts";
import { shrink } from "./shrink.ts";
import { storyOf } from "./trace.ts";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: "string", default: "500" },
    from: { type: "string", default: "1" },
    /** One seed, told in full. */
    seed: { type: "string" },
    /** A plan from a file, told in full. */
    plan: { type: "string" },
    /** With --seed or --plan: makes the failure small and writes its plan to this file. */
    shrink: { type: "string" },
    /** With --seed: writes the plan to this file. */
    out: { type: "string" },
    /** Adds a line for each portion to this file, and plays only what it does not have yet. */
    report: { type: "string" },
    merge: { type: "boolean", default: false },
    jobs: { type: "string", default: "2" },
    /** With --seed or --plan: tells heartbeats and empty claims too. */
    whole: { type: "boolean", default: false },
    child: { type: "boolean", default: false },
  },
});

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function tellOne(plan: Plan): Promise<void> {
  const run = await play(plan);
  say(storyOf(run, options.whole));
  const violations = judge(run);
  for (const { law, taskId, detail } of violations) say(`BROKEN ${law} (${taskId ?? "-"}): ${detail}`);
  say(`hash ${run.hash}, ${run.events} events, ${violations.length} violations`);
  if (violations.length > 0) process.exitCode = 1;
  const [first] = violations;
  if (options.shrink !== undefined && first !== undefined) {
    const small = await shrink(plan, first.law);
    writeFileSync(options.shrink, JSON.stringify(small, null, 2));
    say(
      `\nshrunk to ${small.requests.length} requests and ${small.actions.length} actions: ${options.shrink}\n`,
    );
    say(storyOf(await play(small)));
  }
}

/** With --report: seeds that are in the file already are not played again. */
async function playSeeds(): Promise<void> {
  const { report: file } = options;
  const before = file !== undefined && existsSync(file) ? readReports([file]) : emptyReport;
  if (before.seeds > 0) say(`goes on with ${file}, which has ${toldRanges(before.ranges)}`);
  const played = await playInProcesses({
    from: Number(options.from),
    seeds: Number(options.seeds),
    jobs: Number(options.jobs),
    without: before.ranges,
    onPortion: (portion) => {
      if (file !== undefined) appendFileSync(file, `${JSON.stringify(portion)}\n`);
      if (portion.failures.length > 0)
        say(`${toldRanges(portion.ranges)}: ${portion.failures.length} failed`);
    },
  });
  const report = merge(before, played);
  say(describe(report));
  if (report.failures.length > 0 || neverReached(report).length > 0) process.exitCode = 1;
}

if (options.merge) {
  const report = readReports(positionals);
  say(describe(report));
} else if (options.plan !== undefined) {
  await tellOne(JSON.parse(readFileSync(options.plan, "utf8")) as Plan); // a plan file is written by us
} else if (options.seed !== undefined) {
  const plan = drawPlan(Number(options.seed));
  if (options.out !== undefined) writeFileSync(options.out, JSON.stringify(plan, null, 2));
  await tellOne(plan);
} else if (options.child) {
  say(JSON.stringify(await playRange({ from: Number(options.from), seeds: Number(options.seeds) })));
} else {
  await playSeeds();
}
