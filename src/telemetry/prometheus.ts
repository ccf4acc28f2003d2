/** Keeps measurements of this process and writes them as Prometheus reads them: the text format, version 0.0.4. */
import type { Reading } from "./gauges.ts";
import { type Labels, type Measure, measures } from "./measures.ts";
import type { Sink } from "./recorder.ts";

/** What the text is sent as. */
export const PROMETHEUS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

interface Distribution {
  /** How many values fell into each bucket; the last one has no upper bound. */
  readonly counts: number[];
  sum: number;
}

/** Counters and histograms of one process. */
export class PrometheusSink implements Sink {
  readonly #counters = new Map<Measure, Map<Labels, number>>();
  readonly #distributions = new Map<Measure, Map<Labels, Distribution>>();

  add(measure: Measure, value: number, labels: Labels): void {
    const series = seriesOf(this.#counters, measure);
    series.set(labels, (series.get(labels) ?? 0) + value);
  }

  record(measure: Measure, value: number, labels: Labels): void {
    const series = seriesOf(this.#distributions, measure);
    const boundaries = measure.boundaries ?? [];
    let distribution = series.get(labels);
    if (distribution === undefined) {
      distribution = { counts: Array.from({ length: boundaries.length + 1 }, () => 0), sum: 0 };
      series.set(labels, distribution);
    }
    const index = boundaries.findIndex((boundary) => value <= boundary);
    const bucket = index < 0 ? boundaries.length : index;
    distribution.counts[bucket] = (distribution.counts[bucket] ?? 0) + 1;
    distribution.sum += value;
  }

  /** All of it, and the gauges as they were read. */
  text(readings: readonly Reading[]): string {
    return Object.values<Measure>(measures)
      .map((measure) => family(measure, this.#samples(measure, readings)))
      .join("");
  }

  #samples(measure: Measure, readings: readonly Reading[]): readonly string[] {
    const name = prometheusName(measure);
    switch (measure.kind) {
      case "counter":
        return [...seriesOf(this.#counters, measure)].map(([labels, value]) => sample(name, labels, value));
      case "histogram":
        return [...seriesOf(this.#distributions, measure)].flatMap(([labels, distribution]) =>
          histogramSamples(name, measure.boundaries ?? [], labels, distribution),
        );
      case "gauge":
        return readings
          .filter((reading) => reading.measure === measure)
          .map(({ labels, value }) => sample(name, labels, value));
    }
  }
}

/** The name that OpenTelemetry's own translation gives it: unit and kind are part of it. */
export function prometheusName({ name, kind, unit }: Measure): string {
  const base = name.replaceAll(".", "_");
  return `${base}${unit === "s" ? "_seconds" : ""}${kind === "counter" ? "_total" : ""}`;
}

function seriesOf<Value>(kept: Map<Measure, Map<Labels, Value>>, measure: Measure): Map<Labels, Value> {
  let series = kept.get(measure);
  if (series === undefined) {
    series = new Map();
    kept.set(measure, series);
  }
  return series;
}

function family(measure: Measure, samples: readonly string[]): string {
  if (samples.length === 0) return "";
  const name = prometheusName(measure);
  const help = measure.description.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return `# HELP ${name} ${help}\n# TYPE ${name} ${measure.kind}\n${samples.join("")}`;
}

function histogramSamples(
  name: string,
  boundaries: readonly number[],
  labels: Labels,
  { counts, sum }: Distribution,
): string[] {
  let count = 0;
  const buckets = counts.map((inBucket, index) => {
    count += inBucket;
    const bound = boundaries[index];
    return sample(`${name}_bucket`, { ...labels, le: bound === undefined ? "+Inf" : String(bound) }, count);
  });
  return [...buckets, sample(`${name}_sum`, labels, sum), sample(`${name}_count`, labels, count)];
}

function sample(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(
    ([label, text]) => `${label.replaceAll(".", "_")}="${escaped(text)}"`,
  );
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}\n`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}
