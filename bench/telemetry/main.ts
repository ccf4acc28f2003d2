// What telemetry costs a drain of the built package: npm run build && npm run overhead -- [--pairs N] [--tasks N]
import { execFile } from "node:child_process";
import { loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { startPostgres } from "../../test/support/postgres.ts";
import { setupNames } from "./setups.ts";

const { values } = parseArgs({
  options: { pairs: { type: "string", default: "30" }, tasks: { type: "string", default: "5000" } },
});
const [pairs, tasks] = [Number(values.pairs), Number(values.tasks)];
const main = fileURLToPath(new URL("./drain-main.ts", import.meta.url));

type Drain = { readonly perSecond: number; readonly cpuMicroseconds: number };
type Pair = { readonly without: Drain; readonly subscribed: Drain };

/** The values below which that part of them lies. */
function quantile(numbers: readonly number[], part: number): number {
  const sorted = [...numbers].sort((left, right) => left - right);
  return sorted[Math.round(part * (sorted.length - 1))] ?? Number.NaN;
}

const load = (): string => `load average ${loadavg()[0]?.toFixed(2)}`;

console.log(`${pairs} pairs of drains of ${tasks} tasks each, Postgres 18, ${load()}`);
console.log(
  "ratio of tasks/s to the drain beside it without: median [quartiles]; medians of tasks/s and of CPU a task",
);
await using server = await startPostgres({ major: 18, durable: true });
for (const setup of setupNames) {
  const settings = JSON.stringify({ connectionString: server.connectionString, setup, tasks, pairs });
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", main, settings]);
  const found = JSON.parse(stdout) as readonly Pair[];
  const ratios = found.map(({ without, subscribed }) => subscribed.perSecond / without.perSecond);
  const [low, middle, high] = [0.25, 0.5, 0.75].map((part) => quantile(ratios, part).toFixed(3));
  const speeds = [
    found.map(({ without }) => without.perSecond),
    found.map(({ subscribed }) => subscribed.perSecond),
  ];
  const cpus = [
    found.map(({ without }) => without.cpuMicroseconds),
    found.map(({ subscribed }) => subscribed.cpuMicroseconds),
  ];
  const medians = (both: readonly (readonly number[])[]): string =>
    both.map((numbers) => quantile(numbers, 0.5).toFixed(0)).join(" -> ");
  console.log(
    `${middle} [${low}, ${high}]  ${medians(speeds)} tasks/s  ${medians(cpus)} µs  ${setup}  (${load()})`,
  );
}
