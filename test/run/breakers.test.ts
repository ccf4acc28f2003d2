// Circuit breakers: while a dependency is down its backlog is neither attempted nor rewritten, and when it is back all is done.
import { channel } from "node:diagnostics_channel";
import {
  type BreakerOptions,
  constant,
  defineTask,
  PermanentError,
  RetryAfterError,
  Scheduler,
  type TelemetryEvents,
} from "owed";
import { describe, expect, it, onTestFinished } from "vitest";
import { memoryStore } from "../../src/store/memory/index.ts";
import { UndecodableDataError } from "../../src/task/definition.ts";
import { ids, job, type MemoryScheduler, World } from "./world.ts";

interface Call {
  readonly merchant: string;
}

const call = defineTask<Call>({
  type: "call",
  key: ({ merchant }) => merchant,
  backoff: constant({ delayMs: 1_000 }),
  maxFailedAttempts: 1_000,
});

/** A world whose store tells how often it wrote a row, with a dependency that can be down. */
class Dependency {
  readonly world: World;
  readonly down = new Set<string>();
  readonly events: { readonly name: string; readonly atMs: number; readonly key: string | null }[] = [];
  writes = 0;
  #thrown: () => Error = () => new Error("the dependency is down");

  constructor(...down: readonly string[]) {
    const audit = (): void => void (this.writes += 1);
    const clock = { wallMs: (): number => this.world.ports.clock.wallMs() };
    this.world = new World({ ...memoryStore({ clock, audit }) });
    for (const merchant of down) this.down.add(merchant);
    for (const name of ["opened", "half-opened", "closed"]) {
      const listen = (message: unknown): void => {
        const { key } = message as TelemetryEvents["breaker.closed"];
        this.events.push({ name, atMs: this.world.ports.clock.monotonicMs(), key });
      };
      channel(`owed:breaker.${name}`).subscribe(listen);
      onTestFinished(() => {
        channel(`owed:breaker.${name}`).unsubscribe(listen);
      });
    }
  }

  throwing(thrown: () => Error): void {
    this.#thrown = thrown;
  }

  scheduler(breaker: true | BreakerOptions, logger?: Parameters<World["scheduler"]>[0]): MemoryScheduler {
    const behaviour = async ({ data }: { readonly data: unknown }): Promise<void> => {
      await this.world.sleep(10);
      if (this.down.has((data as Call).merchant)) throw this.#thrown();
    };
    return this.world.scheduler({
      ...logger,
      executors: [this.world.executor(call, behaviour, { breaker }), this.world.executor(job)],
    });
  }

  async leave(merchant: string, taskIds: readonly string[]): Promise<void> {
    const elsewhere = new Scheduler({ store: this.world.inner, ports: this.world.ports });
    const transaction = await this.world.inner.begin();
    await elsewhere.enqueueAll(
      transaction,
      call,
      taskIds.map((taskId) => ({ taskId, data: { merchant } })),
    );
    await transaction.commit();
  }

  startsOf(prefix: string): number {
    return this.world.runs.filter(({ taskId }) => taskId.startsWith(prefix)).length;
  }
}

describe("a breaker of a type", () => {
  it("spares a backlog of 10,000 while the dependency is down, and drains it when it is back", async () => {
    const dependency = new Dependency("dead");
    const { world } = dependency;
    await dependency.leave("dead", ids("dead", 10_000));
    const scheduler = dependency.scheduler(true);
    dependency.writes = 0;
    const worker = scheduler.startWorker({ concurrency: 20 });
    await world.ports.advance(30 * 60_000);
    // 10 failures and what ran beside them or was claimed ahead; then a probe after 10, 30, 70, 150 and 310 s, and then every five minutes.
    const attempts = world.runs.length;
    expect(attempts).toBeLessThanOrEqual(60);
    expect(attempts).toBeGreaterThanOrEqual(15);
    // A claim and an outcome for each attempt; what was claimed ahead is given back once; and the heartbeats.
    const heartbeats = (30 * 60) / 5;
    expect(dependency.writes).toBeLessThanOrEqual(2 * attempts + 200 + heartbeats);
    expect(worker.running).toBe(0);
    dependency.down.clear();
    await world.ports.advance(5 * 60_000 + 60_000);
    expect(await world.balance()).toEqual({ pending: 0, confirmed: 10_000, failed: 0 });
    expect(scheduler.breakers()).toEqual([]);
  });

  it("lets a probe through after a time that doubles up to its bound, and closes when one succeeds", async () => {
    const dependency = new Dependency("dead");
    const { world } = dependency;
    await dependency.leave("dead", ids("dead", 100));
    const scheduler = dependency.scheduler({ failures: 3, coolDownMs: 10_000, maxCoolDownMs: 30_000 });
    scheduler.startWorker({ concurrency: 1 });
    await world.ports.advance(5_000);
    expect(scheduler.breakers()).toMatchObject([
      { type: "call", key: null, state: "open", failures: 3, openings: 1, error: { name: "Error" } },
    ]);
    expect(scheduler.breakers()[0]?.probeInMs).toBeGreaterThan(4_000);
    const before = world.runs.length;
    await world.ports.advance(95_000);
    expect(world.runs.length - before).toBe(4);
    const probe = ["half-opened", "opened"];
    expect(dependency.events.map(({ name }) => name)).toEqual([
      "opened",
      ...probe,
      ...probe,
      ...probe,
      ...probe,
    ]);
    const gaps = dependency.events.flatMap(({ name, atMs }, place, all) =>
      name === "half-opened" ? [atMs - (all[place - 1]?.atMs ?? 0)] : [],
    );
    for (const [place, least] of [10_000, 20_000, 30_000, 30_000].entries()) {
      expect(gaps[place]).toBeGreaterThanOrEqual(least);
      expect(gaps[place]).toBeLessThanOrEqual(least + 1_000);
    }
    dependency.down.clear();
    await world.ports.advance(60_000);
    expect(dependency.events.at(-1)?.name).toBe("closed");
    expect((await world.balance()).confirmed).toBe(100);
  });

  it("lets so many probes through at once, on every path", async () => {
    const dependency = new Dependency("dead");
    const { world } = dependency;
    await dependency.leave("dead", ids("dead", 100));
    const scheduler = dependency.scheduler({ failures: 5, coolDownMs: 10_000, probes: 3 });
    scheduler.startWorker({ concurrency: 50 });
    await world.ports.advance(5_000);
    const before = world.runs.length;
    await world.ports.advance(4_900);
    expect(world.runs.length).toBe(before);
    for (let round = 0; round < 20; round += 1) {
      void scheduler.transaction((tx) => tx.enqueue(call, { merchant: "dead" }, { taskId: `new-${round}` }));
      void scheduler.executeAndAdvance(`dead-${round}`);
      await world.ports.advance(100);
    }
    expect(world.runs.length - before).toBeLessThanOrEqual(3);
    expect(world.runs.length - before).toBeGreaterThanOrEqual(1);
  });

  it("does not let the fast path start anything while it is open, and costs no write", async () => {
    const dependency = new Dependency("dead");
    const { world } = dependency;
    const scheduler = dependency.scheduler({ failures: 3 });
    await scheduler.start();
    for (const taskId of ids("first", 3)) {
      await world.ports.until(
        scheduler.transaction((tx) => tx.enqueue(call, { merchant: "dead" }, { taskId })),
      );
      await world.ports.advance(50);
    }
    expect(scheduler.breakers()).toMatchObject([{ state: "open" }]);
    const { receipts } = await world.ports.until(
      scheduler.transaction((tx) => tx.enqueue(call, { merchant: "dead" }, { taskId: "later" })),
    );
    expect((await world.inner.get("later"))?.owner).toBeNull();
    dependency.writes = 0;
    expect(await world.ports.until(scheduler.tryExecuteNow(receipts))).toEqual(["notClaimed"]);
    expect(await world.ports.until(scheduler.executeAndAdvance("later"))).toBe("notClaimed");
    expect(dependency.writes).toBe(0);
    expect(dependency.startsOf("later")).toBe(0);
  });

  it.each([
    ["permanent errors", () => new PermanentError("the account is closed")],
    ["data that cannot be read", () => new UndecodableDataError("of another version")],
  ])("does not open for %s", async (_, thrown) => {
    const dependency = new Dependency("dead");
    dependency.throwing(thrown);
    await dependency.leave("dead", ids("dead", 50));
    const scheduler = dependency.scheduler({ failures: 3 });
    scheduler.startWorker({ concurrency: 5 });
    await dependency.world.ports.advance(20_000);
    expect(dependency.startsOf("dead")).toBe(50);
    expect(dependency.events).toEqual([]);
  });

  it("does not open for failures with successes between them", async () => {
    const dependency = new Dependency("dead");
    for (const round of ids("round", 30)) {
      await dependency.leave("dead", ids(`dead-${round}`, 2));
      await dependency.leave("live", ids(`live-${round}`, 1));
    }
    const scheduler = dependency.scheduler({ failures: 3 });
    scheduler.startWorker({ concurrency: 1 });
    await dependency.world.ports.advance(900);
    expect(dependency.world.runs.length).toBeGreaterThan(50);
    expect(dependency.events).toEqual([]);
  });

  it("stays open for as long as the dependency asks, within its bound", async () => {
    const dependency = new Dependency("dead");
    dependency.throwing(() => new RetryAfterError(40_000));
    await dependency.leave("dead", ids("dead", 50));
    const scheduler = dependency.scheduler({ failures: 3 });
    scheduler.startWorker({ concurrency: 1 });
    await dependency.world.ports.advance(39_000);
    expect(dependency.startsOf("dead")).toBe(3);
    await dependency.world.ports.advance(3_000);
    expect(dependency.startsOf("dead")).toBe(4);
  });

  it("counts nothing that started before it opened", async () => {
    const dependency = new Dependency("dead");
    const { world } = dependency;
    const slow = defineTask<Call>({
      type: "call",
      key: ({ merchant }) => merchant,
      backoff: constant({ delayMs: 1 }),
    });
    let starts = 0;
    const behaviour = async (): Promise<void> => {
      starts += 1;
      // The first three fail at once; the others when the breaker has been half open for long.
      await world.sleep(starts <= 3 ? 1 : 12_500);
      throw new Error("down");
    };
    await dependency.leave("dead", ids("dead", 6));
    const executors = [world.executor(slow, behaviour, { breaker: { failures: 3, coolDownMs: 10_000 } })];
    const scheduler = world.scheduler({ executors });
    scheduler.startWorker({ concurrency: 6 });
    await world.ports.advance(12_000);
    expect(dependency.events.map(({ name }) => name)).toEqual(["opened", "half-opened"]);
    await world.ports.advance(2_000); // three of the past have failed, the probe runs
    expect(dependency.events.map(({ name }) => name)).toEqual(["opened", "half-opened"]);
  });

  it("does not let a task that must run alone through while it is open", async () => {
    const dependency = new Dependency("dead");
    const { world } = dependency;
    await dependency.leave("dead", ["poison"]);
    expect(await world.ghost()).toEqual(["poison"]);
    expect(await world.ghost()).toEqual(["poison"]);
    await dependency.leave("dead", ids("dead", 3));
    dependency.scheduler({ failures: 3, coolDownMs: 60_000 }).startWorker();
    await world.ports.advance(50_000);
    expect(dependency.startsOf("poison")).toBe(0);
    expect((await world.inner.get("poison"))?.lostAttempts).toBe(2);
    dependency.down.clear();
    await world.ports.advance(60_000);
    expect((await world.balance()).confirmed).toBe(4);
  });

  it("is told in the log once for each change, and in breakers()", async () => {
    const dependency = new Dependency("dead");
    await dependency.leave("dead", ids("dead", 20));
    const lines: string[] = [];
    const note = (level: string) => (details: object) => {
      const { event } = details as { readonly event: string };
      if (event.startsWith("breaker")) lines.push(`${level} ${event}`);
    };
    const logger = { debug: note("debug"), info: note("info"), warn: note("warn"), error: note("error") };
    const scheduler = dependency.scheduler({ failures: 3 }, { logger });
    expect(scheduler.breakers()).toEqual([]);
    scheduler.startWorker({ concurrency: 10 });
    await dependency.world.ports.advance(8_000);
    expect(lines).toEqual(["warn breaker.opened"]);
    dependency.down.clear();
    await dependency.world.ports.advance(10_000);
    expect(lines).toEqual(["warn breaker.opened", "info breaker.half-opened", "info breaker.closed"]);
    expect(scheduler.breakers()).toEqual([]);
  });
});

describe("a breaker of a key", () => {
  it("stops one merchant and no other, and lets it go on when it is back", async () => {
    const dependency = new Dependency("dead");
    const { world } = dependency;
    await dependency.leave("dead", ids("dead", 2_000));
    for (let merchant = 0; merchant < 50; merchant += 1)
      await dependency.leave(`m${merchant}`, ids(`live-${merchant}`, 20));
    await dependency.leave("unused", ids("none", 0 + 1));
    const scheduler = dependency.scheduler({ per: "key", failures: 5 });
    scheduler.startWorker({ concurrency: 20 });
    await world.ports.advance(5_000);
    expect(dependency.startsOf("live")).toBe(1_000);
    expect(dependency.startsOf("dead")).toBeLessThanOrEqual(60);
    expect(scheduler.breakers()).toMatchObject([{ type: "call", key: "dead", state: "open" }]);
    const before = dependency.startsOf("dead");
    await world.ports.advance(60_000);
    expect(dependency.startsOf("dead") - before).toBeLessThanOrEqual(3);
    expect(new Set(dependency.events.map(({ key }) => key))).toEqual(new Set(["dead"]));
    dependency.down.clear();
    await world.ports.advance(180_000);
    expect(await world.balance()).toEqual({ pending: 0, confirmed: 3_001, failed: 0 });
  });

  it("does not stop tasks without a key", async () => {
    const dependency = new Dependency();
    const { world } = dependency;
    const keyless = defineTask({ type: "keyless", backoff: constant({ delayMs: 100 }) });
    await world.leave(ids("keyless", 5), keyless);
    const failing = (): never => {
      throw new Error("down");
    };
    const executors = [world.executor(keyless, failing, { breaker: { per: "key", failures: 2 } })];
    world.scheduler({ executors }).startWorker();
    await world.ports.advance(1_000);
    expect(world.runs.length).toBeGreaterThanOrEqual(25);
    expect(dependency.events).toEqual([]);
  });
});
