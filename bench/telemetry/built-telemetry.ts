// The telemetry of the library as users run it: what `npm run build` made. Only its types come from the sources.
import type * as Dashboard from "../../src/dashboard/index.ts";
import type * as OpenTelemetry from "../../src/telemetry/opentelemetry/index.ts";

const built = (path: string): Promise<unknown> => import(new URL(`../../dist/${path}`, import.meta.url).href);

// The build keeps the shape of what it was built from.
/** The dashboard, whose `/metrics` counts. */
export const { dashboard } = (await built("dashboard/index.js")) as typeof Dashboard;
/** What traces and measures. */
export const { instrument } = (await built("telemetry/opentelemetry/index.js")) as typeof OpenTelemetry;
