/** Trace context in the headers of a task, as W3C writes it. What comes in may be anybody's: it is read strictly, or not at all. */
import { createTraceState, isSpanContextValid, type SpanContext } from "@opentelemetry/api";

const TRACEPARENT = "traceparent";
const TRACESTATE = "tracestate";
/** Longest tracestate that is read or written. */
const LONGEST_TRACESTATE = 512;

const format =
  /^(?<version>[0-9a-f]{2})-(?<trace>[0-9a-f]{32})-(?<span>[0-9a-f]{16})-(?<flags>[0-9a-f]{2})(?<more>-.{0,200})?$/;

/** The headers that name a span; none when it is no real one. */
export function traceHeaders(span: SpanContext): Readonly<Record<string, string>> {
  if (!isSpanContextValid(span)) return {};
  const flags = (span.traceFlags & 0xff).toString(16).padStart(2, "0");
  const traceparent = `00-${span.traceId}-${span.spanId}-${flags}`;
  const state = span.traceState?.serialize() ?? "";
  const isWritten = state !== "" && state.length <= LONGEST_TRACESTATE;
  return isWritten ? { [TRACEPARENT]: traceparent, [TRACESTATE]: state } : { [TRACEPARENT]: traceparent };
}

/** The span that the headers of a task name; null when they name none. */
export function remoteSpan(headers: Readonly<Record<string, string>> | null): SpanContext | null {
  const parts = format.exec(ownText(headers, TRACEPARENT) ?? "")?.groups;
  if (parts === undefined) return null;
  const { version, trace: traceId = "", span: spanId = "", flags = "", more } = parts;
  if (version === "ff" || (version === "00" && more !== undefined)) return null;
  const state = ownText(headers, TRACESTATE);
  const isRead = state !== null && state !== "" && state.length <= LONGEST_TRACESTATE;
  const found: SpanContext = {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & 1,
    isRemote: true,
    ...(isRead ? { traceState: createTraceState(state) } : {}),
  };
  return isSpanContextValid(found) ? found : null;
}

function ownText(headers: Readonly<Record<string, unknown>> | null, name: string): string | null {
  if (headers === null || !Object.hasOwn(headers, name)) return null;
  const value = headers[name];
  return typeof value === "string" ? value : null;
}
