// Types that nobody executes are told by a worker, without anybody asking: when they change, and every hour while they last.
import { defineTask, type Logger } from "owed";
import { describe, expect, it } from "vitest";

import { first, silent, unavailable } from "./faulty-store.ts";
import { gate, job, World } from "./world.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const strange = defineTask<unknown>({ type: "strange" });
const stranger = defineTask<unknown>({ type: "stranger" });

/** A logger that keeps what it is told of orphaned types, with its level. */
class Log implements Logger {
  readonly lines: string[] = [];

  debug(details: object, message: string): void {
    this.#note("debug", details, message);
  }

  info(details: object, message: string): void {
    this.#note("info", details, message);
  }

  warn(details: object, message: string): void {
    this.#note("warn", details, message);
  }

  error(details: object, message: string): void {
    this.#note("error", details, message);
  }

  #note(level: string, details: object, message: string): void {
    const { event, types } = details as { readonly event: string; readonly types?: readonly string[] };
    if (event === "types.orphaned") this.lines.push(`${level}: ${message}: ${types?.join()}`);
  }
}

const told = (types: string): string =>
  `warn: pending tasks of types that no live process executes: ${types}`;

describe("a worker that runs", () => {
  it("logs types that nobody executes within two minutes, and again every hour", async () => {
    const world = new World();
    const logger = new Log();
    world.scheduler({ logger }).startWorker();
    await world.leave(["a"], strange);
    await world.ports.advance(2 * minuteMs);
    expect(logger.lines).toEqual([told("strange")]);
    await world.ports.advance(57 * minuteMs);
    expect(logger.lines.length).toBe(1);
    await world.ports.advance(3 * minuteMs);
    expect(logger.lines.length).toBe(2);
    await world.ports.advance(24 * hourMs);
    expect(logger.lines.length).toBeGreaterThanOrEqual(25);
    expect(logger.lines.length).toBeLessThanOrEqual(26);
  });

  it("logs them at once when they are others than before, and not when they are gone", async () => {
    const world = new World();
    const logger = new Log();
    const scheduler = world.scheduler({ logger });
    scheduler.startWorker();
    await world.leave(["a"], strange);
    await world.ports.advance(2 * minuteMs);
    await world.leave(["b"], stranger);
    await world.ports.advance(2 * minuteMs);
    await scheduler.cancel("a");
    await world.ports.advance(2 * minuteMs);
    await scheduler.cancel("b");
    await world.ports.advance(2 * hourMs);
    expect(logger.lines).toEqual([told("strange"), told("strange,stranger"), told("stranger")]);
    await world.leave(["c"], stranger);
    await world.ports.advance(2 * minuteMs);
    expect(logger.lines.slice(3)).toEqual([told("stranger")]);
  });

  it("looks once a minute, and says nothing while every type is executed", async () => {
    const world = new World();
    const logger = new Log();
    world.scheduler({ logger }).startWorker();
    await world.leave(["a"], job);
    await world.ports.advance(hourMs);
    expect(logger.lines).toEqual([]);
    expect(world.callsOf("statistics").length).toBeGreaterThanOrEqual(58);
    expect(world.callsOf("statistics").length).toBeLessThanOrEqual(60);
  });

  it("says nothing twice when stats() is asked for as well", async () => {
    const world = new World();
    const logger = new Log();
    const scheduler = world.scheduler({ logger });
    scheduler.startWorker();
    await world.leave(["a"], strange);
    for (let second = 0; second < 200; second += 1) {
      await world.ports.advance(1_000);
      await scheduler.stats();
    }
    expect(logger.lines).toEqual([told("strange")]);
  });

  it("looks again after the database was away, and looks no more once it has stopped", async () => {
    const world = new World();
    const logger = new Log();
    const scheduler = world.scheduler({ logger });
    const worker = scheduler.startWorker();
    world.fault("statistics", first(5, unavailable));
    await world.leave(["a"], strange);
    await world.ports.advance(5.5 * minuteMs);
    expect(logger.lines).toEqual([]);
    await world.ports.advance(2 * minuteMs);
    expect(logger.lines).toEqual([told("strange")]);
    await world.ports.until(worker.stop());
    const looks = world.callsOf("statistics").length;
    await world.ports.advance(hourMs);
    expect(world.callsOf("statistics").length).toBe(looks);
    scheduler.startWorker();
    await world.ports.advance(2 * minuteMs);
    expect(world.callsOf("statistics").length).toBeGreaterThan(looks);
  });

  it("is not held up in its stop by a look that is never answered", async () => {
    const world = new World();
    const scheduler = world.scheduler();
    const worker = scheduler.startWorker();
    world.fault("statistics", silent);
    await world.ports.advance(2 * minuteMs);
    expect(world.callsOf("statistics").length).toBe(1);
    await world.ports.until(worker.stop(), 10_000);
  });

  it("goes on with one look a minute when one of before its stop is answered late", async () => {
    const world = new World();
    const scheduler = world.scheduler();
    const worker = scheduler.startWorker();
    const answers = gate();
    world.fault(
      "statistics",
      first(1, async (carryOut) => {
        await answers.opened;
        return await carryOut();
      }),
    );
    await world.ports.advance(2 * minuteMs);
    await world.ports.until(worker.stop());
    scheduler.startWorker();
    await world.ports.advance(30_000);
    answers.open();
    await world.ports.advance(hourMs);
    expect(world.callsOf("statistics").length).toBeLessThanOrEqual(62);
  });
});
