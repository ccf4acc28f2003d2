// How long recovery takes by itself: restarts of the server, then kills, under load and with no other fault.
import { setTimeout as delay } from "node:timers/promises";
import type { StopMode } from "../../test/support/postgres.ts";
import { until } from "../until.ts";
import type { Crew } from "./deeds.ts";

/** What a recovery may take beyond a lease, and is waited for. */
const MARGIN_MS = 7_000;

const restarts: readonly { readonly mode: StopMode | "kill"; readonly downMs: number }[] = [
  { mode: "immediate", downMs: 10_000 },
  { mode: "fast", downMs: 500 },
  { mode: "kill", downMs: 500 },
];

/** Restarts in every manner, and rounds of kills. */
export async function measure(crew: Crew, rounds: number): Promise<void> {
  await withoutDead(crew);
  // What the dead held is claimed, and done.
  await delay(crew.stage.settings.leaseMs);
  for (const { mode, downMs } of restarts) {
    await crew.stage.postgres.down(mode);
    await delay(downMs);
    await crew.stage.postgres.up();
    await delay(crew.stage.settings.leaseMs + MARGIN_MS);
  }
  for (let round = 0; round < rounds; round += 1) await killSome(crew, round);
}

/** Until all processes that were killed have been declared dead. */
async function withoutDead({ stage }: Crew): Promise<void> {
  await until(
    "only the living are registered",
    async () => {
      const [row] = await stage.postgres.sql<{ registered: string }>(
        "select count(*) as registered from owed.process",
      );
      return Number(row?.registered) <= stage.children.filter(({ isAlive }) => isAlive).length;
    },
    120_000,
  );
}

/** Two workers and a client that executes, at once. */
async function killSome(crew: Crew, round: number): Promise<void> {
  const { stage } = crew;
  const alive = (prefix: string) =>
    stage.children.filter(({ isAlive, name }) => isAlive && name.startsWith(prefix));
  const executing = alive("client").filter(({ settings }) => settings.kinds !== null);
  const client = executing[round % Math.max(executing.length, 1)];
  const victims = [...alive("worker").slice(0, 2), ...(client === undefined ? [] : [client])];
  for (const { name } of victims) crew.free.delete(name);
  await Promise.all(victims.map((victim) => stage.kill(victim)));
  await delay(1_000);
  await Promise.all(victims.map(({ name }) => crew.start(name)));
  for (const { name } of victims) crew.free.add(name);
  await delay(stage.settings.leaseMs + MARGIN_MS);
}
