// A process of a measurement: one system's library in a Node of its own, which does what it is told over a channel.
import { setTimeout as delay } from "node:timers/promises";
import type { Command, Committed, Message, Moments, Request, Usage } from "./messages.ts";
import { driverOf, type Filler, nowNs, type Place, type SystemName } from "./port.ts";

/** Executions are told this often. */
const PROGRESS_MS = 10;
/** Before transactions are counted: connections and code have become warm by then. */
const WARM_UP_MS = 300;
/** Tasks that a feeder enqueues at once, at least. */
const MEAL = 1_000;

const driver = await driverOf(process.argv[2] as SystemName); // passed by the measurement
const starts: [number, bigint][] = [];
let takesNotes = false;
let executed = 0;
let firstNs = 0n;
let lastNs = 0n;
let executedElsewhere = 0;

function tell(message: Message): void {
  process.send?.(message);
}

function execute({ n }: { readonly n: number }): void {
  lastNs = nowNs();
  if (executed === 0) firstNs = lastNs;
  executed += 1;
  if (takesNotes) starts.push([n, lastNs]);
}

async function work(place: Place, notes: boolean): Promise<void> {
  takesNotes = notes;
  let told = 0;
  setInterval(() => {
    if (executed === told) return;
    told = executed;
    tell({ kind: "progress", executed, firstNs: String(firstNs), lastNs: String(lastNs) });
  }, PROGRESS_MS).unref();
  await driver.work(place, execute);
}

async function fill(place: Place, count: number, piece: number): Promise<number> {
  const filler = await driver.filler(place);
  const startMs = performance.now();
  for (let from = 0; from < count; from += piece) await filler.add(from, Math.min(piece, count - from));
  const elapsedMs = performance.now() - startMs;
  await filler.close();
  return elapsedMs;
}

function wayOf<Way>(ways: Readonly<Record<string, Way>> | undefined, name: string): Way {
  const way = ways?.[name];
  if (way === undefined) throw new Error(`there is no way ${name}`);
  return way;
}

async function commitFor(place: Place, way: string, connections: number, forMs: number): Promise<Committed> {
  const enqueuer = await wayOf(driver.enqueuers, way)(place, connections);
  let n = 0;
  let transactions = 0;
  const startMs = performance.now() + WARM_UP_MS;
  const endMs = startMs + forMs;
  let lastMs = startMs;
  const one = async (): Promise<void> => {
    while (performance.now() < endMs) {
      await enqueuer.commit((n += 1));
      const atMs = performance.now();
      if (atMs < startMs || atMs > endMs) continue;
      transactions += 1;
      lastMs = atMs;
    }
  };
  await Promise.all(Array.from({ length: connections }, one));
  await enqueuer.close();
  return { transactions, counted: n, elapsedMs: lastMs - startMs };
}

/** Calls at a steady pace, each after the one before is over. */
async function paced(count: number, everyMs: number, call: (n: number) => Promise<void>): Promise<void> {
  const startMs = performance.now();
  for (let n = 0; n < count; n += 1) {
    await delay(Math.max(0, startMs + n * everyMs - performance.now()));
    await call(n);
  }
}

async function commitPaced(place: Place, way: string, count: number, everyMs: number): Promise<Moments> {
  const enqueuer = await wayOf(driver.enqueuers, way)(place, 2);
  const moments: [number, string][] = [];
  await paced(count, everyMs, async (n) => void moments.push([n, String(await enqueuer.commit(n))]));
  await enqueuer.close();
  return moments;
}

async function fastPath(place: Place, way: string, count: number, everyMs: number): Promise<number[]> {
  const path = await wayOf(driver.fastPaths, way)(place);
  const latencies: number[] = [];
  await paced(count, everyMs, async (n) => {
    const { committedNs, startedNs } = await path.commit(n);
    latencies.push(Number(startedNs - committedNs) / 1e6);
  });
  await path.close();
  return latencies;
}

/** Enqueues what was executed, until it is ended. */
async function feed(filler: Filler, waiting: number): Promise<void> {
  for (let enqueued = 0; ; ) {
    const missing = executedElsewhere - enqueued;
    if (missing < Math.min(MEAL, waiting / 2)) await delay(2);
    else {
      await filler.add(waiting + enqueued, missing);
      enqueued += missing;
    }
  }
}

let peakMegabytes = 0;
const observeMemory = (): void => {
  peakMegabytes = Math.max(peakMegabytes, process.memoryUsage.rss() / 2 ** 20);
};
setInterval(observeMemory, 50).unref();

function usage(): Usage {
  observeMemory();
  const { user, system } = process.cpuUsage();
  return { cpuMs: (user + system) / 1_000, peakMegabytes };
}

async function obey(command: Command): Promise<unknown> {
  switch (command.do) {
    case "prepare":
      return await driver.prepare(command.place);
    case "fill":
      return await fill(command.place, command.count, command.piece);
    case "work":
      return await work(command.place, command.notes === true);
    case "isDone":
      return await driver.isDone(command.place);
    case "commit":
      return await commitFor(command.place, command.way, command.connections, command.forMs);
    case "pace":
      return await commitPaced(command.place, command.way, command.count, command.everyMs);
    case "fastPath":
      return await fastPath(command.place, command.way, command.count, command.everyMs);
    case "feed": {
      const filler = await driver.filler(command.place);
      void feed(filler, command.waiting).catch((error: unknown) => {
        console.error(error);
        process.exit(1);
      });
      return undefined;
    }
    case "executed":
      executedElsewhere = command.count;
      return undefined;
    case "starts":
      return starts.map(([n, atNs]): [number, string] => [n, String(atNs)]);
    case "usage":
      return usage();
  }
}

// Without the measurement there is nobody to work for.
process.on("disconnect", () => process.exit(0));
process.on("message", ({ id, command }: Request) => {
  obey(command).then(
    (value) => tell({ kind: "answer", id, value }),
    (error: unknown) =>
      tell({ kind: "refusal", id, reason: error instanceof Error ? `${error.stack}` : String(error) }),
  );
});
