// Metrics of OpenTelemetry after a run of which everything is known, and what is exported over OTLP.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { context } from "@opentelemetry/api";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { defineTask, executor, InvalidInputError, Scheduler } from "owed";
import { memoryStore } from "owed/memory";
import { type InstrumentOptions, instrument } from "owed/opentelemetry";
import { describe, expect, it } from "vitest";
import { measures } from "../../src/telemetry/measures.ts";
import { job, World } from "../run/world.ts";
import { bad, expected, good, knownRun, slow } from "./known-run.ts";
import { heardChannels, Sdk, until } from "./sdk.ts";

const type = "messaging.destination.name";

describe("after a known run", () => {
  it("counters and histograms hold exactly what happened", async () => {
    using sdk = new Sdk().instrument();
    await (await knownRun()).stop();
    for (const [name, count] of Object.entries(expected.sent))
      expect([name, await sdk.value("messaging.client.sent.messages", { [type]: name })]).toEqual([
        name,
        count,
      ]);
    for (const [name, count] of Object.entries(expected.attempts)) {
      expect([
        name,
        await sdk.value("messaging.client.consumed.messages", { [type]: name, "owed.path": "worker" }),
      ]).toEqual([name, count]);
      expect([name, await sdk.value("messaging.process.duration", { [type]: name })]).toEqual([name, count]);
      const first = name === slow.type ? 1 : count;
      expect([name, await sdk.value("owed.start.delay", { [type]: name })]).toEqual([name, first]);
    }
    const outcomes = async (name: string, outcome: string): Promise<number> =>
      await sdk.value("messaging.process.duration", { [type]: name, "owed.outcome": outcome });
    expect(await outcomes(good.type, "succeeded")).toBe(6);
    expect(await outcomes(bad.type, "failed")).toBe(2);
    expect([
      await outcomes(slow.type, "failed"),
      await outcomes(slow.type, "deferred"),
      await outcomes(slow.type, "succeeded"),
    ]).toEqual([1, 1, 1]);
    expect(await sdk.value("messaging.process.duration", { "error.type": "failed" })).toBe(3);
    expect(await sdk.value("owed.tasks.failed", { [type]: bad.type, "owed.reason": "permanent-error" })).toBe(
      2,
    );
    expect(
      await sdk.value("messaging.client.operation.duration", { "messaging.operation.name": "enqueue" }),
    ).toBe(5);
    const flushes = await sdk.points("owed.flush.size");
    expect(flushes.map(({ value }) => (typeof value === "number" ? value : value.sum))).toEqual([11]);
    expect(
      await sdk.value("messaging.client.operation.duration", { "messaging.operation.name": "flush" }),
    ).toBe(await sdk.value("owed.flush.size"));
    expect(await sdk.value("owed.claims.lost")).toBe(0);
    expect(sdk.problems).toEqual([]);
  });

  it("gauges hold how it stands, and are asked for once in ten seconds at most", async () => {
    using sdk = new Sdk();
    const scheduler = await knownRun();
    let asked = 0;
    const counted = {
      stats: () => {
        asked += 1;
        return scheduler.stats();
      },
    };
    sdk.instrument({ scheduler: counted, eventLoop: true });
    for (const [state, count] of Object.entries(expected.states))
      expect([state, await sdk.value("owed.tasks", { "owed.state": state })]).toEqual([state, count]);
    expect(await sdk.value("owed.orphaned_types")).toBe(1);
    expect(await sdk.value("owed.processes")).toBe(1);
    expect(await sdk.value("owed.oldest_due_age")).toBeGreaterThan(0);
    expect(
      (await sdk.points("owed.slots.used")).map(({ attributes, value }) => [attributes["owed.path"], value]),
    ).toEqual([
      ["worker", 0],
      ["fast", 0],
    ]);
    expect([await sdk.value("owed.zombies"), await sdk.value("owed.store.up"), asked]).toEqual([0, 1, 1]);
    expect(await sdk.names()).toEqual(
      expect.arrayContaining(["nodejs.eventloop.delay.p99", "nodejs.eventloop.delay.mean"]),
    );
    await scheduler.stop();
  });

  it("no label holds the id of a task, and the types are bounded", async () => {
    using sdk = new Sdk().instrument();
    const scheduler = new Scheduler({
      store: memoryStore(),
      executor: { execute: () => undefined },
      types: "all",
    });
    await scheduler.start();
    const records = Array.from({ length: 300 }, (_, index) => ({
      taskId: `task-${index}`,
      type: `type-${index}`,
      data: new Uint8Array(),
    }));
    await scheduler.transaction(async (tx) => void (await tx.enqueueAll(records)));
    await scheduler.stop();
    const points = await sdk.points("messaging.client.sent.messages");
    expect(points).toHaveLength(201);
    expect(await sdk.value("messaging.client.sent.messages", { [type]: "_OTHER" })).toBe(100);
    for (const { name } of Object.values(measures))
      expect(JSON.stringify((await sdk.points(name)).map(({ attributes }) => attributes))).not.toContain(
        "task-",
      );
  });
});

describe("a claim", () => {
  it("that was superseded counts as lost, once; an executor that succeeds after its timeout does not", async () => {
    using sdk = new Sdk().instrument();
    const world = new World();
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const executors = [world.executor(job, () => gate, { timeoutMs: 1_000 })];
    const scheduler = await world.started({ executors, backoff: { delayMs: () => 3_600_000 } });
    const executed = scheduler.tryExecuteNow(await world.enqueue(scheduler, { taskId: "late" }));
    await world.ports.advance(1_500);
    release();
    await world.ports.advance(1_500);
    expect(await executed).toEqual(["retrying"]);
    expect(await world.stateOf("late")).toBe("confirmed");
    expect(await sdk.value("owed.claims.lost")).toBe(0);
    world.fault("settle", () => Promise.resolve([{ verdict: "refused", state: "pending" }]));
    const lost = scheduler.tryExecuteNow(await world.enqueue(scheduler, { taskId: "lost" }));
    await world.ports.advance(1_000);
    expect(await lost).toEqual(["lost"]);
    expect(await sdk.value("owed.claims.lost")).toBe(1);
  });
});

describe("instrument", () => {
  it.each<[string, object]>([
    ["scheduler", { scheduler: {} }],
    ["attemptTrace", { attemptTrace: "child" }],
    ["sheduler", { sheduler: {} }],
    ["traces", { traces: "no" }],
    ["eventLoop", { eventLoop: 0 }],
  ])("refuses an option that cannot be used: %s", (name, options) => {
    expect(() => instrument(options as InstrumentOptions)).toThrow(InvalidInputError);
    expect(() => instrument(options as InstrumentOptions)).toThrow(name);
    expect(heardChannels()).toEqual([]);
  });

  it("leaves out what is switched off", async () => {
    const run = async (options: InstrumentOptions): Promise<readonly [number, number]> => {
      using sdk = new Sdk().instrument(options);
      await (await knownRun()).stop();
      return [sdk.spans.length, await sdk.value("owed.flush.size")];
    };
    expect(await run({ traces: false })).toEqual([0, expect.any(Number)]);
    expect((await run({ traces: false }))[1]).toBeGreaterThan(0);
    const [spans, flushes] = await run({ metrics: false });
    expect([spans > 0, flushes]).toEqual([true, 0]);
  });

  it("works without any SDK, writes no headers then, and measures nothing once the scheduler is stopped", async () => {
    const scheduler = new Scheduler({ store: memoryStore(), executors: [executor(good, () => undefined)] });
    const end = instrument({ scheduler });
    await scheduler.start();
    await scheduler.enqueue(good, {}, { taskId: "a" });
    await until(async () => (await scheduler.get("a"))?.state === "confirmed", "it is confirmed");
    expect((await scheduler.get("a"))?.headers).toBeNull();
    end();
    await scheduler.stop();
    using sdk = new Sdk().instrument({ scheduler });
    expect([await sdk.value("owed.store.up"), await sdk.points("owed.tasks")]).toEqual([0, []]);
  });
});

interface Exported {
  readonly resourceSpans?: readonly {
    readonly scopeSpans: readonly {
      readonly spans: readonly { readonly name: string; readonly traceId: string }[];
    }[];
  }[];
  readonly resourceMetrics?: readonly {
    readonly scopeMetrics: readonly { readonly metrics: readonly { readonly name: string }[] }[];
  }[];
}

describe("the exporter of OpenTelemetry", () => {
  it("sends spans and metrics over OTLP, each task in one trace", async () => {
    const received: Exported[] = [];
    const collector = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        received.push(JSON.parse(Buffer.concat(chunks).toString()) as Exported);
        response.setHeader("content-type", "application/json").end("{}");
      });
    }).listen(0, "127.0.0.1");
    await once(collector, "listening");
    const url = `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1`;
    const spans = new BatchSpanProcessor(new OTLPTraceExporter({ url: `${url}/traces` }));
    const tracerProvider = new BasicTracerProvider({ spanProcessors: [spans] });
    const reader = new PeriodicExportingMetricReader({
      exporter: new OTLPMetricExporter({ url: `${url}/metrics` }),
      exportIntervalMillis: 3_600_000,
    });
    const meterProvider = new MeterProvider({ readers: [reader] });
    const charge = defineTask<unknown>({ type: "card.charge" });
    const scheduler = new Scheduler({ store: memoryStore(), executors: [executor(charge, () => undefined)] });
    const end = instrument({ scheduler, tracerProvider, meterProvider });
    try {
      await scheduler.start();
      await scheduler.enqueue(charge, {}, { taskId: "a" });
      await until(async () => (await scheduler.get("a"))?.state === "confirmed", "it is confirmed");
      await tracerProvider.forceFlush();
      await meterProvider.forceFlush();
      const told = received
        .flatMap(({ resourceSpans = [] }) => resourceSpans)
        .flatMap(({ scopeSpans }) => scopeSpans)
        .flatMap((scope) => scope.spans);
      expect(told.map(({ name }) => name).sort()).toEqual([
        "attempt card.charge",
        "enqueue card.charge",
        "flush",
      ]);
      expect(new Set(told.map((span) => span.traceId)).size).toBe(1);
      const metricNames = received
        .flatMap(({ resourceMetrics = [] }) => resourceMetrics)
        .flatMap(({ scopeMetrics }) => scopeMetrics)
        .flatMap(({ metrics }) => metrics.map(({ name }) => name));
      expect(metricNames).toEqual(
        expect.arrayContaining(["owed.tasks", "messaging.process.duration", "owed.flush.size"]),
      );
    } finally {
      end();
      await scheduler.stop();
      await tracerProvider.shutdown();
      await meterProvider.shutdown();
      collector.close();
      context.disable();
    }
  });
});
