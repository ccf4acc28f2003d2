/** The dashboard for servers that speak node:http: Express, Fastify, Koa, or none. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import type { DashboardHandler } from "./dashboard.ts";

/** What Express adds to a request. */
interface MountedRequest extends IncomingMessage {
  /** The address before a mount took its own part off. */
  readonly originalUrl?: string;
  /** What a parser of bodies before us has made of it. */
  readonly body?: unknown;
}

/** A listener for requests of node:http, and a handler of Express. Never throws. */
export function nodeHandler(
  handler: DashboardHandler,
): (message: IncomingMessage, response: ServerResponse) => void {
  return (message, response) => {
    // Whoever asked may be gone before the answer is written.
    answer(handler, message, response).catch(() => response.destroy());
  };
}

async function answer(
  handler: DashboardHandler,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const request = requestOf(message);
  if (request === null) {
    response.writeHead(400, { "content-type": "text/plain" }).end("bad request\n");
    return;
  }
  const { status, headers, body } = await handler(request, {
    remoteAddress: message.socket.remoteAddress,
    message,
  });
  response.writeHead(status, Object.fromEntries(headers));
  for await (const chunk of body ?? []) response.write(chunk);
  response.end();
}

/** Null when the address, or a header, is none that a browser sends. */
function requestOf(message: MountedRequest): Request | null {
  const { method = "GET", headers } = message;
  const isSecure = "encrypted" in message.socket && message.socket.encrypted === true;
  try {
    const path = message.originalUrl ?? message.url ?? "/";
    // An address may come whole, or begin with two slashes, which would name another host.
    const url = new URL(
      `${isSecure ? "https" : "http"}://${headers.host ?? "localhost"}${path.startsWith("/") ? path : "/"}`,
    );
    const init: RequestInit & { duplex?: "half" } = { method, headers: headersOf(message) };
    if (method === "POST") {
      init.body = bodyOf(message);
      init.duplex = "half";
    }
    return new Request(url, init);
  } catch {
    return null;
  }
}

function headersOf({ headers }: IncomingMessage): Headers {
  const list = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    for (const one of Array.isArray(value) ? value : [value ?? ""]) list.append(name, one);
  }
  return list;
}

/** The stream; or, where a parser was faster, the form written anew. */
function bodyOf(message: MountedRequest): NonNullable<RequestInit["body"]> {
  const { body } = message;
  if (typeof body !== "object" || body === null || !message.readableEnded) {
    return Readable.toWeb(message) as NonNullable<RequestInit["body"]>; // the types of the two differ, the streams do not
  }
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(body)) {
    for (const one of Array.isArray(value) ? value : [value]) form.append(name, String(one));
  }
  return form.toString();
}
