// CPU of processes by the operating system's own account, where it has one to read (/proc, on Linux).
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { processesIn } from "../../test/support/server-process.ts";

const ticksPerSecond = Number(spawnSync("getconf", ["CLK_TCK"], { encoding: "utf8" }).stdout) || 100;

/** Why there is none; null when it can be read. */
export function cpuProblem(): string | null {
  try {
    ticksOf(process.pid, false);
    return null;
  } catch {
    return "CPU of the servers is not told: this system has no /proc to read it from";
  }
}

/** User and system time in ticks; with that of children that have ended and were waited for, when wanted. */
function ticksOf(pid: number, withChildren: boolean): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // After the name in parentheses: state, then numbers; user, system, and the same of children are the 12th to 15th.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const times = fields.slice(11, withChildren ? 15 : 13).map(Number);
  return times.reduce((sum, time) => sum + time, 0);
}

/** CPU time in milliseconds of one process; null where it cannot be read. */
export function processCpuMs(pid: number): number | null {
  try {
    return (ticksOf(pid, true) / ticksPerSecond) * 1_000;
  } catch {
    return null;
  }
}

/** Of a Postgres server and all its processes, also of those that have ended; null where it cannot be read. */
export function postgresCpuMs(postmaster: number, dataFolder: string): number | null {
  const ended = processCpuMs(postmaster);
  if (ended === null) return null;
  let ticks = 0;
  for (const pid of processesIn(dataFolder)) {
    if (pid === postmaster) continue;
    try {
      ticks += ticksOf(pid, false);
    } catch {
      // It has just ended; the postmaster counts it from now on, which the next reading sees.
    }
  }
  return ended + (ticks / ticksPerSecond) * 1_000;
}
