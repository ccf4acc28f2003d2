/** The front door of `owed/opentelemetry`: spans and metrics of all schedulers in this process. */
import { diag, type MeterProvider, metrics, type TracerProvider, trace } from "@opentelemetry/api";
import { InvalidInputError } from "../../errors.ts";
import { realPorts } from "../../ports/real-ports.ts";
import { checkFunction, checkNames, checkObject, optionNames, shown } from "../../task/option-checks.ts";
import type { Statistics } from "../gauges.ts";
import { measure } from "./metrics.ts";
import { type AttemptTrace, traceWith } from "./tracing.ts";

export type { AttemptTrace } from "./tracing.ts";

/** Options of `instrument`. */
export interface InstrumentOptions {
  /**
   * Asked for the gauges (tasks by state, oldest due age, slots), at most every ten seconds and only when metrics are
   * collected. Without it they are missing.
   */
  readonly scheduler?: { readonly stats: () => Promise<Statistics> } | undefined;
  /** Default: the one that is registered with the API. */
  readonly tracerProvider?: TracerProvider | undefined;
  /** Default: the one that is registered with the API. */
  readonly meterProvider?: MeterProvider | undefined;
  /**
   * `"enqueue"` (default): an attempt is part of the trace that its task was enqueued in. `"own"`: it begins a trace of its
   * own. Either way it is linked to the enqueue.
   */
  readonly attemptTrace?: AttemptTrace | undefined;
  /** `false`: no spans, and no headers in tasks. Default true. */
  readonly traces?: boolean | undefined;
  /** `false`: no metrics. Default true. */
  readonly metrics?: boolean | undefined;
  /** `false`: the delay of the event loop is not measured, since something else does. Default true. */
  readonly eventLoop?: boolean | undefined;
}

const instrumentOptions = optionNames<InstrumentOptions>({
  scheduler: true,
  tracerProvider: true,
  meterProvider: true,
  attemptTrace: true,
  traces: true,
  metrics: true,
  eventLoop: true,
});

/** Name under which spans and metrics are told. */
const SCOPE = "owed";

/**
 * Begins to trace and to measure every scheduler of this process; call it once, after the SDK was started and before tasks
 * are enqueued. Answers what ends it. What goes wrong inside it is told to the diagnostics of OpenTelemetry, and harms no
 * task. Throws InvalidInputError.
 */
export function instrument(options: InstrumentOptions = {}): () => void {
  checkObject("options", options, "pass { scheduler } or nothing");
  checkNames("instrument", options, instrumentOptions);
  const { scheduler, attemptTrace = "enqueue" } = options;
  if (scheduler !== undefined) {
    checkFunction(
      "scheduler.stats",
      Reflect.get(Object(scheduler), "stats"),
      "pass the Scheduler whose counts are to be told",
    );
  }
  if (attemptTrace !== "enqueue" && attemptTrace !== "own") {
    throw new InvalidInputError("attemptTrace", `is ${shown(attemptTrace)}`, 'give "enqueue" or "own"');
  }
  const isOn = (name: "traces" | "metrics" | "eventLoop"): boolean => switchOption(name, options[name]);
  const [isTraced, isMeasured, isEventLoopWatched] = [isOn("traces"), isOn("metrics"), isOn("eventLoop")];
  const failed = (error: unknown): void => diag.error("owed: telemetry failed", error);
  const ends: (() => void)[] = [];
  if (isTraced) {
    const tracer = (options.tracerProvider ?? trace).getTracer(SCOPE);
    ends.push(traceWith(tracer, realPorts.clock, attemptTrace, failed));
  }
  if (isMeasured) {
    const meter = (options.meterProvider ?? metrics).getMeter(SCOPE);
    const statistics = scheduler === undefined ? null : () => scheduler.stats();
    ends.push(measure(meter, realPorts, { statistics, isEventLoopWatched }, failed));
  }
  return () => {
    for (const end of ends.splice(0)) end();
  };
}

function switchOption(name: string, value: unknown): boolean {
  if (value === undefined) return true;
  if (typeof value === "boolean") return value;
  throw new InvalidInputError(name, `is ${shown(value)}`, "give true or false");
}
