/** Responses, each with the headers that keep a page to itself. */
import type { Markup } from "./markup.ts";

/** No script, style, picture or request but our own; no frame around us; no form to elsewhere. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

const headersOfAll: Readonly<Record<string, string>> = Object.freeze({
  "content-security-policy": contentSecurityPolicy,
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
  "cache-control": "no-store",
});

/** A page. */
export function pageResponse(
  page: Markup,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(page.toString(), {
    status,
    headers: { ...headersOfAll, "content-type": "text/html; charset=utf-8", ...headers },
  });
}

/** Text for a program. */
export function textResponse(text: string, contentType: string): Response {
  return new Response(text, { headers: { ...headersOfAll, "content-type": contentType } });
}

/** To another page of ours, which is read with GET. */
export function seeOther(location: string): Response {
  return new Response(null, { status: 303, headers: { ...headersOfAll, location } });
}

/** A file that never changes under its name. */
export function fileResponse(text: string, contentType: string): Response {
  return new Response(text, {
    headers: {
      ...headersOfAll,
      "content-type": contentType,
      "cache-control": "private, max-age=31536000, immutable",
    },
  });
}

/** The same without a body. */
export function headOf(response: Response): Response {
  return new Response(null, { status: response.status, headers: response.headers });
}
