// What telemetry costs a drain of the built package: npm run build && npm run overhead -- [--rounds N] [--tasks N]. All setups in each round, in turn, on one server.
import { execFile } from "node:child_process";
import { loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { startPostgres } from "../../test/support/postgres.ts";
import { type SetupName, setupNames } from "./setups.ts";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, tasks: { type: "string", default: "30000" } },
});
const [rounds, tasks] = [Number(values.rounds), Number(values.tasks)];
const root = fileURLToPath(new URL("../../", import.meta.url));
const main = fileURLToPath(new URL("./drain-main.ts", import.meta.url));

interface Sample {
  readonly perSecond: number;
  readonly cpuMicroseconds: number;
}

async function sample(connectionString: string, setup: SetupName): Promise<Sample> {
  const settings = JSON.stringify({ connectionString, setup, tasks, warmUp: Math.ceil(tasks / 5) });
  // Without the paths of tsconfig.json, so that "owed" is the built package.
  const env = { ...process.env, TSX_TSCONFIG_PATH: `${root}tsconfig.build.json` };
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", main, settings], {
    env,
  });
  return JSON.parse(stdout) as Sample;
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

const samples = new Map<SetupName, Sample[]>(setupNames.map((name) => [name, []]));
console.log(`${rounds} rounds of ${tasks} tasks, load average ${loadavg()[0]?.toFixed(2)}`);
await using server = await startPostgres({ major: 18, durable: true });
for (let round = 0; round < rounds; round += 1) {
  // Each round begins with another setup, so that none always comes after the same.
  const order = setupNames.map((_, index) => setupNames[(index + round) % setupNames.length] ?? "nothing");
  for (const setup of order) {
    const one = await sample(server.connectionString, setup);
    samples.get(setup)?.push(one);
    console.log(
      `round ${round + 1}: ${one.perSecond.toFixed(0)} tasks/s, ${one.cpuMicroseconds.toFixed(0)} µs CPU a task: ${setup}`,
    );
  }
}
console.log("\nratio to nothing, by round (median), and median of tasks/s and of CPU a task");
const without = samples.get("nothing") ?? [];
for (const [setup, own] of samples) {
  const ratios = own.map(({ perSecond }, round) => perSecond / (without[round]?.perSecond ?? Number.NaN));
  const cpu = median(own.map(({ cpuMicroseconds }) => cpuMicroseconds));
  const speed = median(own.map(({ perSecond }) => perSecond));
  console.log(
    `${median(ratios).toFixed(3)} [${Math.min(...ratios).toFixed(3)}, ${Math.max(...ratios).toFixed(3)}]  ${speed.toFixed(0)} tasks/s  ${cpu.toFixed(0)} µs  ${setup}`,
  );
}
console.log(`load average ${loadavg()[0]?.toFixed(2)}`);
