// The dashboard under a path of Express, Fastify, Hono, Next.js and plain node:http: read, press, and see it done.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { type DashboardHandler, dashboard, nodeHandler, type RightQuestion } from "owed/dashboard";
import { describe, expect, it } from "vitest";
import { formWith, mail, openScene } from "./scene.ts";

const BASE = "/admin/owed";

type Mount = (handler: DashboardHandler) => Server | Promise<Server>;

const mounts: Readonly<Record<string, Mount>> = {
  "node:http": (handler) => createServer(nodeHandler(handler)),
  Express: (handler) => createServer(express().use(BASE, nodeHandler(handler))),
  "Express behind a parser of forms": (handler) =>
    createServer(
      express()
        .use(express.urlencoded({ extended: true }), express.json())
        .use(BASE, nodeHandler(handler)),
    ),
  Fastify: async (handler) => {
    const app = fastify();
    const listener = nodeHandler(handler);
    // Its parsers would take the body first.
    await app.register(async (scope) => {
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser("*", (_request, _payload, done) => done(null));
      for (const url of [BASE, `${BASE}/*`]) {
        scope.all(url, (request, reply) => {
          reply.hijack();
          listener(request.raw, reply.raw);
        });
      }
    });
    await app.ready();
    return app.server;
  },
  Hono: (handler) => {
    const app = new Hono().all(`${BASE}/*`, (context) => handler(context.req.raw));
    return fetching(app.fetch);
  },
  "Next.js, which hands a route its parameters": (handler) => {
    const route = { GET: handler, POST: handler };
    const context = { params: Promise.resolve({ path: ["tasks"] }) };
    return fetching((request) => route[request.method === "POST" ? "POST" : "GET"](request, context));
  },
};

function fetching(fetch: (request: Request) => Response | Promise<Response>): Server {
  return createAdaptorServer({ fetch }) as Server; // of HTTP/1, unless told otherwise
}

async function listening(server: Server): Promise<{ readonly origin: string } & AsyncDisposable> {
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // it listens on a port
  return {
    origin: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

describe.each(Object.entries(mounts))("on %s", (_, mount) => {
  it("pages and files are found, and a form does what it says", async () => {
    await using scene = await openScene();
    await scene.enqueue([mail("a <b>/ü"), mail("b")]);
    await scene.failAll();
    await using server = await listening(
      await mount(dashboard({ store: scene.store, authorize: () => "ann", basePath: BASE })),
    );
    for (const path of ["", "/"]) {
      const response = await fetch(`${server.origin}${BASE}${path}`);
      expect([response.status, (await response.text()).includes("<h1>Overview</h1>")]).toEqual([200, true]);
    }
    const page = await (await fetch(`${server.origin}${BASE}/task?id=a+%3Cb%3E%2F%C3%BC`)).text();
    for (const [, file = ""] of page.matchAll(/(?:src|href)="([^"]*\/files\/[^"]*)"/g)) {
      expect((await fetch(server.origin + file)).status).toBe(200);
    }
    const { action, fields } = formWith(page, "Redrive");
    expect(action).toBe(`${BASE}/act`);
    const post = { method: "POST", body: fields, redirect: "manual" } as const;
    const refused = await fetch(server.origin + action, {
      ...post,
      headers: { origin: "http://evil.example" },
    });
    expect(refused.status).toBe(403);
    const done = await fetch(server.origin + action, { ...post, headers: { origin: server.origin } });
    expect([done.status, done.headers.get("location")]).toEqual([
      303,
      `${BASE}/task?id=a+%3Cb%3E%2F%C3%BC&done=redrive`,
    ]);
    expect((await scene.store.get("a <b>/ü"))?.state).toBe("pending");
    const head = await fetch(`${server.origin}${BASE}/tasks`, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
  });
});

describe("through node:http", () => {
  it("the hook sees what other handlers have put on the request", async () => {
    await using scene = await openScene();
    const seen: unknown[] = [];
    const authorize = ({ message }: RightQuestion) => {
      const { user = null } = (message ?? {}) as { readonly user?: string | null };
      seen.push(user);
      return user;
    };
    const handler = nodeHandler(dashboard({ store: scene.store, authorize, basePath: BASE }));
    const app = express().use(
      (request, _response, next) => {
        if (request.headers.authorization === "Bearer anns") Object.assign(request, { user: "ann" });
        next();
      },
      (request, response) => handler(request, response),
    );
    await using server = await listening(createServer(app));
    expect((await fetch(`${server.origin}${BASE}/`)).status).toBe(403);
    const headers = { authorization: "Bearer anns" };
    expect((await fetch(`${server.origin}${BASE}/`, { headers })).status).toBe(200);
    expect([seen[0], new Set(seen)]).toEqual([null, new Set([null, "ann"])]);
  });

  it("a dashboard that is open on the loopback asks where the connection comes from", async () => {
    await using scene = await openScene();
    const handler = dashboard({ store: scene.store, dangerouslyOpenOnLoopback: true });
    await using server = await listening(createServer(nodeHandler(handler)));
    expect((await fetch(`${server.origin}/`)).status).toBe(200);
    expect((await fetch(`${server.origin}/`, { headers: { "x-forwarded-for": "10.0.0.7" } })).status).toBe(
      403,
    );
    await using asFetch = await listening(fetching((request) => handler(request)));
    expect((await fetch(`${asFetch.origin}/`)).status).toBe(403);
  });

  it("addresses that name another host, or nothing, are answered", async () => {
    await using scene = await openScene();
    const handler = dashboard({ store: scene.store, authorize: () => "ann" });
    await using server = await listening(createServer(nodeHandler(handler)));
    for (const path of ["//evil.example/tasks", "/\\evil.example", "/%", "/tasks?%zz"]) {
      const { status } = await rawGet(server.origin, path);
      expect([path, status < 500]).toEqual([path, true]);
    }
  });
});

/** A request whose address no client library writes as it is. */
async function rawGet(origin: string, path: string): Promise<{ readonly status: number }> {
  const { request } = await import("node:http");
  const { hostname, port } = new URL(origin);
  return await new Promise((resolve, reject) => {
    const asked = request({ hostname, port, path }, (response) => {
      response.resume();
      resolve({ status: response.statusCode ?? 0 });
    });
    asked.on("error", reject);
    asked.end();
  });
}
