/** Trace context in the headers of a task, as W3C writes it. What comes in may be anybody's: it is read strictly, or not at all. */
import {
  createTraceState,
  INVALID_SPANID,
  INVALID_TRACEID,
  isSpanContextValid,
  type SpanContext,
} from "@opentelemetry/api";

const TRACEPARENT = "traceparent";
const TRACESTATE = "tracestate";
/** Longest tracestate that is read or written. */
const LONGEST_TRACESTATE = 512;

const format = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-.{0,200})?$/;
/** Length of what version 00 writes, and of what later versions begin with. */
const FORMAT_LENGTH = 55;

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
  const text = ownText(headers, TRACEPARENT);
  if (text === null || !format.test(text) || text.startsWith("ff")) return null;
  if (text.startsWith("00") && text.length !== FORMAT_LENGTH) return null;
  const state = ownText(headers, TRACESTATE);
  const isRead = state !== null && state !== "" && state.length <= LONGEST_TRACESTATE;
  const [traceId, spanId] = [text.slice(3, 35), text.slice(36, 52)];
  if (traceId === INVALID_TRACEID || spanId === INVALID_SPANID) return null;
  return {
    traceId,
    spanId,
    traceFlags: Number.parseInt(text.slice(53, FORMAT_LENGTH), 16) & 1,
    isRemote: true,
    ...(isRead ? { traceState: createTraceState(state) } : {}),
  };
}

function ownText(headers: Readonly<Record<string, unknown>> | null, name: string): string | null {
  if (headers === null || !Object.hasOwn(headers, name)) return null;
  const value = headers[name];
  return typeof value === "string" ? value : null;
}
