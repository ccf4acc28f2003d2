/** Metrics of OpenTelemetry: counters and histograms as events come, gauges when they are collected. */
import type { Counter, Histogram, Meter, Observable } from "@opentelemetry/api";
import type { Ports } from "../../ports/ports.ts";
import { Gauges, type Statistics } from "../gauges.ts";
import { type Labels, type Measure, measures } from "../measures.ts";
import { recordInto, type Sink } from "../recorder.ts";

/** What the gauges are read from. */
export interface GaugeOptions {
  readonly statistics: (() => Promise<Statistics>) | null;
  readonly isEventLoopWatched: boolean;
}

/** Measures until the function that it answers is called. */
export function measure(
  meter: Meter,
  ports: Ports,
  { statistics, isEventLoopWatched }: GaugeOptions,
  failed: (error: unknown) => void,
): () => void {
  const sink = new MeterSink(meter);
  const stopRecording = recordInto(sink, ports.clock, failed);
  const gauges = new Gauges(ports, statistics, isEventLoopWatched);
  const observables = new Map<Measure, Observable>(
    Object.values<Measure>(measures)
      .filter(({ kind }) => kind === "gauge")
      .map((one) => [one, meter.createObservableGauge(one.name, optionsOf(one))]),
  );
  const observe: Parameters<Meter["addBatchObservableCallback"]>[0] = async (result) => {
    sink.tell();
    for (const { measure: read, value, labels } of await gauges.read()) {
      const observable = observables.get(read);
      if (observable !== undefined) result.observe(observable, value, labels);
    }
  };
  const all = [...observables.values()];
  meter.addBatchObservableCallback(observe, all);
  return () => {
    stopRecording();
    sink.tell();
    meter.removeBatchObservableCallback(observe, all);
    gauges.stop();
  };
}

function optionsOf({ unit, description, boundaries }: Measure): Parameters<Meter["createHistogram"]>[1] {
  const advice = boundaries === undefined ? {} : { advice: { explicitBucketBoundaries: [...boundaries] } };
  return { unit, description, ...advice };
}

/** The instruments of one meter. Counters are told when they are collected: each call of theirs hashes all labels. */
class MeterSink implements Sink {
  readonly #counters = new Map<Measure, Counter>();
  readonly #added = new Map<Measure, Map<Labels, number>>();
  readonly #histograms = new Map<Measure, Histogram>();

  constructor(meter: Meter) {
    for (const one of Object.values<Measure>(measures)) {
      if (one.kind === "counter") {
        this.#counters.set(one, meter.createCounter(one.name, optionsOf(one)));
        this.#added.set(one, new Map());
      }
      if (one.kind === "histogram")
        this.#histograms.set(one, meter.createHistogram(one.name, optionsOf(one)));
    }
  }

  add(one: Measure, value: number, labels: Labels): void {
    const added = this.#added.get(one);
    added?.set(labels, (added.get(labels) ?? 0) + value);
  }

  /** Hands over what was added since the last time. */
  tell(): void {
    for (const [one, added] of this.#added) {
      for (const [labels, value] of added) this.#counters.get(one)?.add(value, labels);
      added.clear();
    }
  }

  record(one: Measure, value: number, labels: Labels): void {
    this.#histograms.get(one)?.record(value, labels);
  }
}
