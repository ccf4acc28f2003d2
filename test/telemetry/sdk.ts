// A real SDK of OpenTelemetry, whose spans and metrics stay in memory.
import { hasSubscribers } from "node:diagnostics_channel";
import { readFileSync } from "node:fs";
import { context, type DiagLogger, diag, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { type DataPoint, type Histogram, MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { type InstrumentOptions, instrument } from "owed/opentelemetry";

/** Collected when a test asks for it, and never by itself. */
class AskedReader extends MetricReader {
  protected onForceFlush(): Promise<void> {
    return Promise.resolve();
  }
  protected onShutdown(): Promise<void> {
    return Promise.resolve();
  }
}

/** A value as it was collected, with its labels. */
export type Point = DataPoint<number> | DataPoint<Histogram>;

/** The SDK of one test, with the library instrumented. */
export class Sdk implements Disposable {
  readonly tracerProvider: BasicTracerProvider;
  readonly meterProvider: MeterProvider;
  /** What went wrong inside telemetry. */
  readonly problems: string[] = [];
  readonly #exporter = new InMemorySpanExporter();
  readonly #reader = new AskedReader();
  #end: () => void = () => undefined;

  constructor(sampler?: Sampler) {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    const note = (message: string, ...rest: unknown[]): void =>
      void this.problems.push(`${message} ${rest.join(" ")}`);
    const silent = (): void => undefined;
    const logger: DiagLogger = { error: note, warn: note, info: silent, debug: silent, verbose: silent };
    diag.setLogger(logger, { suppressOverrideMessage: true });
    const spanProcessors = [new SimpleSpanProcessor(this.#exporter)];
    this.tracerProvider = new BasicTracerProvider({
      spanProcessors,
      ...(sampler === undefined ? {} : { sampler }),
    });
    this.meterProvider = new MeterProvider({ readers: [this.#reader] });
  }

  /** Instruments the library, once. */
  instrument(options: InstrumentOptions = {}): this {
    const { tracerProvider, meterProvider } = this;
    this.#end = instrument({ tracerProvider, meterProvider, eventLoop: false, ...options });
    return this;
  }

  /** Ends the instrumentation. */
  end(): void {
    this.#end();
    this.#end = () => undefined;
  }

  get spans(): readonly ReadableSpan[] {
    return this.#exporter.getFinishedSpans();
  }

  /** The one span of that name. */
  span(name: string): ReadableSpan {
    const found = this.spans.filter((span) => span.name === name);
    if (found.length !== 1 || found[0] === undefined) {
      throw new Error(
        `there are ${found.length} spans "${name}" among ${this.spans.map((span) => span.name).join(", ")}`,
      );
    }
    return found[0];
  }

  /** All values of a metric, as they are now. */
  async points(name: string): Promise<readonly Point[]> {
    const { resourceMetrics } = await this.#reader.collect();
    const all = resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics);
    return all
      .filter(({ descriptor }) => descriptor.name === name)
      .flatMap(({ dataPoints }) => dataPoints as Point[]);
  }

  /** Names and units of all metrics that have a value. */
  async names(): Promise<readonly string[]> {
    const { resourceMetrics } = await this.#reader.collect();
    const all = resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics);
    return all.filter(({ dataPoints }) => dataPoints.length > 0).map(({ descriptor }) => descriptor.name);
  }

  /** The value of a metric under these labels, whatever others it has; the count of a histogram. */
  async value(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const points = (await this.points(name)).filter(({ attributes }) =>
      Object.entries(labels).every(([key, text]) => attributes[key] === text),
    );
    return points.reduce((sum, { value }) => sum + (typeof value === "number" ? value : value.count), 0);
  }

  [Symbol.dispose](): void {
    this.end();
    context.disable();
    trace.disable();
    diag.disable();
  }
}

const channels = readFileSync(new URL("../../src/telemetry/channels.ts", import.meta.url), "utf8");

/** The names of all channels. */
export const channelNames: readonly string[] = [...channels.matchAll(/^ {2}"([a-z.-]+)":/gm)].map(
  ([, name]) => `owed:${name}`,
);

/** The channels that somebody listens on. */
export function heardChannels(): readonly string[] {
  return channelNames.filter((name) => hasSubscribers(name));
}

/** Waits until something is so. */
export async function until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const endMs = performance.now() + 30_000;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error(`it did not come to be: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Waits until a task is confirmed. */
export async function confirmed(
  scheduler: { get(taskId: string): Promise<{ readonly state: string } | null> },
  taskId: string,
): Promise<void> {
  await until(async () => (await scheduler.get(taskId))?.state === "confirmed", `${taskId} is confirmed`);
}
