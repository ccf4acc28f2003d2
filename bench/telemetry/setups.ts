// The ways in which telemetry can be subscribed, each on a real SDK whose exporters throw away what they get.
import { context } from "@opentelemetry/api";
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
import { realPorts } from "../../src/ports/real-ports.ts";
import type { Statistics } from "../../src/telemetry/gauges.ts";
import { instrument, PrometheusSink, recordInto } from "./built-telemetry.ts";

/** What is subscribed. */
export const setupNames = [
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

/** Answers what subscribes; that answers what ends it. */
export function subscriber(
  name: SetupName,
  scheduler: { readonly stats: () => Promise<Statistics> },
): () => () => void {
  if (name === "prometheus") return () => recordInto(new PrometheusSink(), realPorts.clock, () => undefined);
  const exporter = new InMemoryMetricExporter(AggregationTemporality.DELTA);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 10_000 });
  const meterProvider = new MeterProvider({ readers: [reader] });
  if (name === "metrics") return () => instrument({ scheduler, meterProvider, traces: false });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const tracerProvider = new BasicTracerProvider({
    sampler: new ParentBasedSampler({
      root: new TraceIdRatioBasedSampler(name === "metrics, all traces" ? 1 : 0.1),
    }),
    spanProcessors: [new BatchSpanProcessor(discarding)],
  });
  return () => instrument({ scheduler, meterProvider, tracerProvider });
}
