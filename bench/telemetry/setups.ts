// The ways in which telemetry can be subscribed, each on a real SDK whose exporters throw away what they get.
import { context, ROOT_CONTEXT } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
} from "@opentelemetry/sdk-trace-base";
import type { DashboardStore } from "../../src/dashboard/index.ts";
import type { Statistics } from "../../src/telemetry/gauges.ts";
import { dashboard, instrument } from "./built-telemetry.ts";

/** What is subscribed. */
export const setupNames = [
  "nothing",
  "context of an SDK alone",
  "prometheus",
  "metrics",
  "metrics, traces of 1 in 10",
  "metrics, all traces",
] as const;

/** One of them. */
export type SetupName = (typeof setupNames)[number];

const discarding: SpanExporter = {
  export: (_, done) => done({ code: 0 }),
  shutdown: () => Promise.resolve(),
};

/** Subscribes. */
export async function setUp(
  name: SetupName,
  store: DashboardStore,
  scheduler: { stats(): Promise<Statistics> },
): Promise<void> {
  if (name === "nothing") return;
  if (name === "prometheus") {
    await dashboard({ store, scheduler, authorize: () => "bench" })(new Request("http://localhost/metrics"));
    return;
  }
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  // What every application that traces pays: from the first active context on, Node follows each promise.
  if (name !== "metrics") context.with(ROOT_CONTEXT, () => undefined);
  if (name === "context of an SDK alone") return;
  const exporter = new InMemoryMetricExporter(AggregationTemporality.DELTA);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 10_000 });
  const meterProvider = new MeterProvider({ readers: [reader] });
  if (name === "metrics") {
    instrument({ scheduler, meterProvider });
    return;
  }
  const root = new TraceIdRatioBasedSampler(name === "metrics, all traces" ? 1 : 0.1);
  const tracerProvider = new BasicTracerProvider({
    sampler: new ParentBasedSampler({ root }),
    spanProcessors: [new BatchSpanProcessor(discarding)],
  });
  instrument({ scheduler, meterProvider, tracerProvider });
}
