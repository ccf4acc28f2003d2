// The processes of a Postgres server as the system sees them: found by their working directory, which is the data folder.
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** The ids of all processes, postmaster and backends, which work in the data folder. */
export function processesIn(dataFolder: string): number[] {
  const found: number[] = [];
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      if (readlinkSync(`/proc/${entry}/cwd`) === dataFolder && !isZombie(entry)) found.push(Number(entry));
    } catch {
      // It ended meanwhile, or belongs to someone else.
    }
  }
  return found;
}

function isZombie(entry: string): boolean {
  const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
}

/** Sends a signal to every process in the data folder. */
export function signalAll(dataFolder: string, signal: NodeJS.Signals): void {
  for (const id of processesIn(dataFolder)) {
    try {
      process.kill(id, signal);
    } catch {
      // It ended meanwhile.
    }
  }
}

/** Waits until no process works in the data folder any more; throws after `timeoutMs`. */
export async function allEnded(dataFolder: string, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (processesIn(dataFolder).length > 0) {
    if (performance.now() > deadline)
      throw new Error(`Postgres in ${dataFolder} did not end in ${timeoutMs} ms`);
    await sleep(20);
  }
}

/**
 * A TCP port nobody listens on. It lies below the range from which systems take ports for outgoing connections, so
 * that a server which is down for a moment finds its port still free.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries += 1) {
    const port = 15_000 + Math.floor(Math.random() * 15_000);
    if (await canListen(port)) return port;
  }
  throw new Error("No free TCP port was found between 15000 and 30000.");
}

async function canListen(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
