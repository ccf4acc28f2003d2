// What the random mix does to a run: each deed harms, waits, and makes good again.
import { setTimeout as delay } from "node:timers/promises";
import type { Child } from "../child.ts";
import type { FakeClock } from "../fake-clock.ts";
import type { Stage } from "../stage.ts";
import { until } from "../until.ts";

/** The processes of a mix; each name has one living child, or is about to. */
export interface Crew {
  readonly stage: Stage;
  readonly random: { fraction(): number };
  readonly clocks: ReadonlyMap<string, FakeClock>;
  /** Names that nobody harms at this moment. */
  readonly free: Set<string>;
  /** False while the server is down: nothing can be started. */
  isUp: boolean;
  /** True once there is peace: nothing is started any more. */
  isOver: boolean;
  start(name: string): Promise<Child>;
}

/** A deed by its id in the catalogue. */
export interface Deed {
  readonly id: string;
  /** How often it is drawn, against the others. */
  readonly weight: number;
  /** Answers false when it was not done: the server is down already, or all processes are being harmed. */
  run(crew: Crew): Promise<boolean>;
}

const between = ({ random }: Crew, least: number, most: number): number =>
  least + random.fraction() * (most - least);

/** Takes a process for itself for a while; answers false when all are taken. */
async function withOne(crew: Crew, work: (child: Child) => Promise<void>): Promise<boolean> {
  const names = [...crew.free].sort();
  const name = names[Math.floor(crew.random.fraction() * names.length)];
  if (name === undefined) return false;
  const child = crew.stage.children.findLast((one) => one.name === name);
  if (child === undefined || !child.isAlive) return false;
  crew.free.delete(name);
  try {
    await work(child);
  } finally {
    crew.free.add(name);
  }
  return true;
}

async function startAgain(crew: Crew, { name }: Child): Promise<void> {
  await delay(between(crew, 500, 4_000));
  await until("the server is up", () => crew.isUp, 120_000);
  await crew.start(name);
}

const kill: Deed = {
  id: "F1",
  weight: 4,
  run: (crew) =>
    withOne(crew, async (child) => {
      await crew.stage.kill(child);
      await startAgain(crew, child);
    }),
};

const pause: Deed = {
  id: "F11",
  weight: 3,
  run: (crew) =>
    withOne(crew, async (child) => {
      crew.stage.pause(child);
      const { leaseMs } = crew.stage.settings;
      await delay(between(crew, 500, leaseMs * 2));
      crew.stage.resume(child);
    }),
};

const terminateBackends: Deed = {
  id: "F20",
  weight: 2,
  async run({ stage, isUp }) {
    if (!isUp) return false;
    await stage.postgres.outage(async () => {
      for (let round = 0; round < 10; round += 1) {
        await stage.postgres.terminateBackends().catch(() => 0);
        await delay(200);
      }
    });
    return true;
  },
};

/** An outage of ten seconds, or a mere restart. */
function serverDown(id: string, weight: number, forMs: number, mode: "immediate" | "fast" | "kill"): Deed {
  return {
    id,
    weight,
    async run(crew) {
      if (!crew.isUp) return false;
      crew.isUp = false;
      await crew.stage.postgres.down(mode);
      await delay(forMs);
      await crew.stage.postgres.up();
      crew.isUp = true;
      return true;
    },
  };
}

const blackHole: Deed = {
  id: "F29",
  weight: 3,
  run: (crew) =>
    withOne(crew, async (child) => {
      crew.stage.blackHole(child);
      await delay(between(crew, 500, 20_000));
      crew.stage.heal(child);
    }),
};

const stop: Deed = {
  id: "F41",
  weight: 3,
  run: (crew) =>
    withOne(crew, async (child) => {
      await crew.stage.terminate(child);
      await startAgain(crew, child);
    }),
};

const clockJump: Deed = {
  id: "F75",
  weight: 2,
  async run(crew) {
    const [name, clock] = [...crew.clocks][Math.floor(crew.random.fraction() * crew.clocks.size)] ?? [];
    if (name === undefined || clock === undefined) return false;
    clock.jumpTo(name, Math.round(between(crew, -3_600, 3_600)));
    await delay(100);
    return true;
  },
};

/** All deeds. `F24` is the catalogue's reserved failover: here, a restart that loses nothing. */
export const deeds: readonly Deed[] = [
  kill,
  pause,
  terminateBackends,
  serverDown("F21", 1, 10_000, "immediate"),
  serverDown("F24", 1, 500, "fast"),
  serverDown("F21k", 1, 500, "kill"),
  blackHole,
  stop,
  clockJump,
];

/** Draws a deed by its weight. */
export function drawDeed(fraction: number, among: readonly Deed[] = deeds): Deed {
  let at = fraction * among.reduce((sum, { weight }) => sum + weight, 0);
  for (const deed of among) {
    if (at < deed.weight) return deed;
    at -= deed.weight;
  }
  return among.at(-1) ?? kill;
}
