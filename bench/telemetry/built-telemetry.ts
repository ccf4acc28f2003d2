// The telemetry of the library as users run it: what `npm run build` made. Only its types come from the sources.
import type * as OpenTelemetry from "../../src/telemetry/opentelemetry/index.ts";
import type * as Prometheus from "../../src/telemetry/prometheus.ts";
import type * as Recorder from "../../src/telemetry/recorder.ts";

const built = (path: string): Promise<unknown> => import(new URL(`../../dist/${path}`, import.meta.url).href);

// The build keeps the shape of what it was built from.
/** What traces and measures. */
export const { instrument } = (await built("telemetry/opentelemetry/index.js")) as typeof OpenTelemetry;
/** What `/metrics` of the dashboard counts with. */
export const { PrometheusSink } = (await built("telemetry/prometheus.js")) as typeof Prometheus;
/** What counts into it. */
export const { recordInto } = (await built("telemetry/recorder.js")) as typeof Recorder;
