// A strict reader of the Prometheus text format, version 0.0.4: it takes nothing that the format does not say.

/** One sample. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric with its samples, histograms with those of their parts. */
export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

const byText = (left: unknown, right: unknown): number =>
  JSON.stringify(left) < JSON.stringify(right) ? -1 : 1;

const helpLine = /^# HELP ([a-zA-Z_:][\w:]*) ((?:[^\\\n]|\\\\|\\n)*)$/;
const typeLine = /^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram)$/;
const sampleLine =
  /^([a-zA-Z_:][\w:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|\+Inf|NaN)$/;
const labelPair = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"/g;

/** Reads a whole page. Throws at the first thing that is not right. */
export function readExposition(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  const families = new Map<string, Family & { samples: Sample[] }>();
  const seen = new Set<string>();
  let help: RegExpExecArray | null = null;
  let family: (Family & { samples: Sample[] }) | null = null;
  for (const line of text.slice(0, -1).split("\n")) {
    const type = typeLine.exec(line);
    if (type !== null) {
      const [, name = "", kind = ""] = type;
      if (help?.[1] !== name || families.has(name)) throw new Error(`out of its place: ${line}`);
      family = { name, type: kind, help: help[2] ?? "", samples: [] };
      families.set(name, family);
    } else if (line.startsWith("#")) {
      help = helpLine.exec(line);
      if (help === null) throw new Error(`no line of the format: ${line}`);
    } else {
      const read = sampleOf(line);
      if (family === null || !belongs(read.name, family)) throw new Error(`in no family: ${line}`);
      const key = `${read.name} ${JSON.stringify(Object.entries(read.labels).sort(byText))}`;
      if (seen.has(key)) throw new Error(`twice: ${line}`);
      seen.add(key);
      family.samples.push(read);
    }
  }
  for (const one of families.values()) if (one.type === "histogram") checkHistogram(one);
  return families;
}

function sampleOf(line: string): Sample {
  const match = sampleLine.exec(line);
  if (match === null) throw new Error(`no sample: ${line}`);
  const [, name = "", pairs = "", value = ""] = match;
  const labels: Record<string, string> = {};
  for (const [, label = "", escaped = ""] of pairs.matchAll(labelPair)) {
    if (Object.hasOwn(labels, label)) throw new Error(`a label twice: ${line}`);
    labels[label] = escaped.replace(/\\(.)/g, (_, letter: string) => (letter === "n" ? "\n" : letter));
  }
  return { name, labels, value: Number(value.replace("Inf", "Infinity")) };
}

function belongs(name: string, { name: family, type }: Family): boolean {
  return type === "histogram"
    ? [`${family}_bucket`, `${family}_sum`, `${family}_count`].includes(name)
    : name === family;
}

/** Buckets never go down, end with +Inf, and that is the count. */
function checkHistogram({ name, samples }: Family): void {
  const series = new Map<string, { counts: number[]; last: string; count: number }>();
  const keyOf = (given: Readonly<Record<string, string>>): string =>
    JSON.stringify(
      Object.entries(given)
        .filter(([key]) => key !== "le")
        .sort(byText),
    );
  for (const { name: part, labels, value } of samples) {
    const one = series.get(keyOf(labels)) ?? { counts: [], last: "", count: Number.NaN };
    series.set(keyOf(labels), one);
    if (part.endsWith("_bucket")) {
      if ((one.counts.at(-1) ?? 0) > value) throw new Error(`a bucket of ${name} goes down`);
      one.counts.push(value);
      one.last = labels["le"] ?? "";
    }
    if (part.endsWith("_count")) one.count = value;
  }
  for (const { counts, last, count } of series.values()) {
    if (last !== "+Inf" || counts.at(-1) !== count)
      throw new Error(`${name} does not end with all of its values`);
  }
}

/** The sum of all samples of that name with these labels. */
export function valueOf(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const samples = [...families.values()]
    .flatMap((family) => family.samples)
    .filter((sample) => sample.name === name)
    .filter((sample) => Object.entries(labels).every(([label, text]) => sample.labels[label] === text));
  if (samples.length === 0) throw new Error(`there is no ${name} with ${JSON.stringify(labels)}`);
  return samples.reduce((sum, { value }) => sum + value, 0);
}
