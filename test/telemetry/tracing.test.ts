// Traces on a real database, by a real SDK: from a request to the confirmed task, over a kill, through rubbish.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AlwaysOffSampler, ParentBasedSampler, type ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { defineTask, executor, PermanentError, Scheduler } from "owed";
import { memoryStore } from "owed/memory";
import { postgresStore } from "owed/postgres";
import { sqliteStore } from "owed/sqlite";
import { afterEach, describe, expect, it } from "vitest";
import { freshSchema, sharedDatabase } from "../support/database.ts";
import { confirmed, heardChannels, Sdk, until } from "./sdk.ts";

const byText = (left: unknown, right: unknown): number =>
  JSON.stringify(left) < JSON.stringify(right) ? -1 : 1;

const sendReceipt = defineTask<{ paymentId: string }>({ type: "receipt.send" });

const open = () => postgresStore({ connectionString: sharedDatabase(), schema: freshSchema() });

afterEach(() => expect(heardChannels()).toEqual([]));

/** Who is whose child, by name. */
function parentOf(sdk: Sdk, span: ReadableSpan): string | undefined {
  const parentId = span.parentSpanContext?.spanId;
  return sdk.spans.find((other) => other.spanContext().spanId === parentId)?.name;
}

describe("one trace", () => {
  it("leads from the request through the enqueue and the attempt to what the executor calls, and to the confirmation", async () => {
    using sdk = new Sdk().instrument();
    const shop = sdk.tracerProvider.getTracer("shop");
    const sent = executor(sendReceipt, () =>
      shop.startActiveSpan("mail", async (span) => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        span.end();
      }),
    );
    const scheduler = new Scheduler({ store: open(), executors: [sent] });
    await scheduler.start();
    const server = createServer((_, response) => {
      void shop.startActiveSpan("GET /pay", { kind: SpanKind.SERVER }, async (span) => {
        await scheduler.transaction(async (tx) => {
          await tx.enqueue(
            sendReceipt,
            { paymentId: "p1" },
            { taskId: "receipt:p1", referenceId: "order-1" },
          );
        });
        response.end("paid");
        span.end();
      });
    }).listen(0, "127.0.0.1");
    try {
      await once(server, "listening");
      expect(
        await (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/pay`)).text(),
      ).toBe("paid");
      await confirmed(scheduler, "receipt:p1");
      await until(() => sdk.spans.some(({ name }) => name === "attempt receipt.send"), "the attempt is told");
      const task = await scheduler.get("receipt:p1");
      const enqueue = sdk.span("enqueue receipt.send");
      const attempt = sdk.span("attempt receipt.send");
      const { traceId } = sdk.span("GET /pay").spanContext();
      expect(
        sdk.spans.map((span) => [span.name, span.spanContext().traceId, parentOf(sdk, span)]).sort(byText),
      ).toEqual([
        ["GET /pay", traceId, undefined],
        ["attempt receipt.send", traceId, "enqueue receipt.send"],
        ["enqueue receipt.send", traceId, "GET /pay"],
        ["flush", traceId, "attempt receipt.send"],
        ["mail", traceId, "attempt receipt.send"],
      ]);
      expect(task?.headers).toEqual({ traceparent: `00-${traceId}-${enqueue.spanContext().spanId}-01` });
      expect([enqueue.kind, attempt.kind, sdk.span("flush").kind]).toEqual([
        SpanKind.PRODUCER,
        SpanKind.CONSUMER,
        SpanKind.CLIENT,
      ]);
      expect(attempt.links.map(({ context: { spanId } }) => spanId)).toEqual([enqueue.spanContext().spanId]);
      expect(attempt.attributes).toMatchObject({
        "messaging.system": "owed",
        "messaging.operation.name": "attempt",
        "messaging.operation.type": "process",
        "messaging.destination.name": "receipt.send",
        "messaging.message.id": "receipt:p1",
        "messaging.message.conversation_id": "order-1",
        "owed.attempt": 1,
        "owed.generation": 1,
        "owed.path": "fast",
        "owed.outcome": "succeeded",
        "owed.state": "confirmed",
        "owed.verdict": "applied",
      });
      expect(sdk.problems).toEqual([]);
    } finally {
      server.close();
      await scheduler.stop();
    }
  });

  it("of a worker has the claim beside it, and an enqueue inside an executor is part of the attempt", async () => {
    using sdk = new Sdk().instrument();
    const follow = defineTask<unknown>({ type: "follow.up" });
    const store = open();
    const scheduler = new Scheduler({
      store,
      fastPath: "off",
      executors: [
        executor(sendReceipt, { transactional: store }, async ({ tx }) => {
          await tx.enqueue(follow, {}, { taskId: "second" });
        }),
        executor(follow, () => undefined),
      ],
    });
    scheduler.startWorker({ pollIntervalMs: 20 });
    await scheduler.start();
    await scheduler.enqueue(sendReceipt, { paymentId: "p1" }, { taskId: "first" });
    await confirmed(scheduler, "second");
    await scheduler.stop();
    const first = sdk.span("attempt receipt.send");
    expect(parentOf(sdk, first)).toBe("enqueue receipt.send");
    expect(parentOf(sdk, sdk.span("enqueue follow.up"))).toBe("attempt receipt.send");
    expect(parentOf(sdk, sdk.span("attempt follow.up"))).toBe("enqueue follow.up");
    expect(sdk.span("attempt follow.up").spanContext().traceId).toBe(
      sdk.span("enqueue receipt.send").spanContext().traceId,
    );
    const claims = sdk.spans.filter(({ name }) => name === "claim");
    expect(
      claims.reduce((sum, { attributes }) => sum + Number(attributes["messaging.batch.message_count"]), 0),
    ).toBe(2);
    expect(first.attributes["owed.path"]).toBe("worker");
  });

  it("goes through a synchronous transaction on SQLite as well", async () => {
    using sdk = new Sdk().instrument();
    const folder = mkdtempSync(join(tmpdir(), "owed-trace-"));
    const store = sqliteStore({ file: join(folder, "tasks.db") });
    const scheduler = new Scheduler({ store, executors: [executor(sendReceipt, () => undefined)] });
    try {
      await scheduler.start();
      await sdk.tracerProvider.getTracer("shop").startActiveSpan("pay", async (span) => {
        await scheduler.transaction(
          (tx) => void tx.enqueue(sendReceipt, { paymentId: "p1" }, { taskId: "a" }),
        );
        span.end();
      });
      await confirmed(scheduler, "a");
      await scheduler.stop();
      expect(parentOf(sdk, sdk.span("enqueue receipt.send"))).toBe("pay");
      expect(parentOf(sdk, sdk.span("attempt receipt.send"))).toBe("enqueue receipt.send");
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("is told of the attempt alone where the application asks for that", async () => {
    using sdk = new Sdk().instrument({ attemptTrace: "own" });
    const scheduler = new Scheduler({
      store: memoryStore(),
      executors: [executor(sendReceipt, () => undefined)],
    });
    await scheduler.start();
    await scheduler.enqueue(sendReceipt, { paymentId: "p1" }, { taskId: "a" });
    await confirmed(scheduler, "a");
    await scheduler.stop();
    const enqueue = sdk.span("enqueue receipt.send").spanContext();
    const attempt = sdk.span("attempt receipt.send");
    expect(attempt.parentSpanContext).toBeUndefined();
    expect(attempt.spanContext().traceId).not.toBe(enqueue.traceId);
    expect(attempt.links.map(({ context: { spanId, traceId } }) => [spanId, traceId])).toEqual([
      [enqueue.spanId, enqueue.traceId],
    ]);
  });
});

describe("a task whose process was killed", () => {
  it("goes on in the same trace in another process", async () => {
    using sdk = new Sdk().instrument();
    const store = { connectionString: sharedDatabase(), schema: freshSchema() };
    const main = fileURLToPath(new URL("./killed-main.ts", import.meta.url));
    const child: ChildProcess = spawn(process.execPath, ["--import", "tsx", main, JSON.stringify(store)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    child.stdout?.on("data", (text: Buffer) => {
      output += text.toString();
    });
    await until(() => output.includes("\n"), "the other process executes");
    child.kill("SIGKILL");
    await once(child, "exit");
    const { traceId, enqueueId } = JSON.parse(output) as {
      readonly traceId: string;
      readonly enqueueId: string;
    };
    const scheduler = new Scheduler({
      store: postgresStore(store),
      leaseMs: 1_000,
      executors: [executor(sendReceipt, () => undefined)],
    });
    scheduler.startWorker({ pollIntervalMs: 50 });
    await confirmed(scheduler, "a");
    await scheduler.stop();
    const attempt = sdk.span("attempt receipt.send");
    expect(attempt.spanContext().traceId).toBe(traceId);
    expect(attempt.parentSpanContext).toMatchObject({ spanId: enqueueId, isRemote: true });
    expect(attempt.links.map(({ context: { spanId } }) => spanId)).toEqual([enqueueId]);
    expect(attempt.attributes).toMatchObject({ "owed.attempt": 2, "owed.state": "confirmed" });
    expect(await sdk.value("owed.processes.declared_dead")).toBe(1);
  });
});

describe("an attempt that fails", () => {
  it("says what kind of error it was, and nothing of its words, nor of data and headers", async () => {
    using sdk = new Sdk().instrument();
    const scheduler = new Scheduler({
      store: memoryStore(),
      executors: [
        executor(sendReceipt, ({ data }) => {
          throw new PermanentError(`no such card: ${data.paymentId}`);
        }),
      ],
    });
    await scheduler.start();
    await scheduler.enqueue(
      sendReceipt,
      { paymentId: "4111-1111" },
      { taskId: "a", headers: { tenant: "hush" } },
    );
    await until(async () => (await scheduler.get("a"))?.state === "failed", "it has failed");
    await scheduler.stop();
    const attempt = sdk.span("attempt receipt.send");
    expect(attempt.status).toEqual({ code: SpanStatusCode.ERROR });
    expect(attempt.attributes).toMatchObject({
      "error.type": "OWED_PERMANENT",
      "owed.outcome": "failed",
      "owed.state": "failed",
    });
    const told = JSON.stringify(
      sdk.spans.map(({ name, attributes, events, status }) => [name, attributes, events, status]),
    );
    expect(told).not.toMatch(/4111|card|hush/);
  });
});

describe("baggage and sampling", () => {
  it("no baggage is written: it may be anything, and would stay in the database", async () => {
    using sdk = new Sdk().instrument();
    const scheduler = new Scheduler({ store: memoryStore() });
    const baggage = propagation.createBaggage({ secret: { value: "hush" } });
    await context.with(propagation.setBaggage(ROOT_CONTEXT, baggage), () =>
      scheduler.enqueue(sendReceipt, { paymentId: "p1" }, { taskId: "a" }),
    );
    expect(Object.keys((await scheduler.get("a"))?.headers ?? {})).toEqual(["traceparent"]);
    expect(sdk.spans).toHaveLength(1);
  });

  it("what is not sampled is not recorded, and the decision goes along", async () => {
    using sdk = new Sdk(new ParentBasedSampler({ root: new AlwaysOffSampler() })).instrument();
    const scheduler = new Scheduler({
      store: memoryStore(),
      executors: [executor(sendReceipt, () => undefined)],
    });
    await scheduler.start();
    await scheduler.enqueue(sendReceipt, { paymentId: "p1" }, { taskId: "a" });
    await confirmed(scheduler, "a");
    expect((await scheduler.get("a"))?.headers?.["traceparent"]).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    await scheduler.stop();
    expect(sdk.spans).toEqual([]);
  });

  it("many at once are linked to their flush, each", async () => {
    using sdk = new Sdk().instrument();
    const scheduler = new Scheduler({
      store: memoryStore(),
      fastPath: "off",
      executors: [executor(sendReceipt, () => undefined)],
    });
    await scheduler.start();
    await scheduler.transaction(async (tx) => {
      await tx.enqueueAll(
        sendReceipt,
        [1, 2, 3, 4, 5].map((n) => ({ data: { paymentId: `p${n}` }, taskId: `t${n}` })),
      );
    });
    scheduler.startWorker({ pollIntervalMs: 10 });
    for (const n of [1, 2, 3, 4, 5]) await confirmed(scheduler, `t${n}`);
    await scheduler.stop();
    const attempts = sdk.spans.filter(({ name }) => name === "attempt receipt.send");
    const flushes = sdk.spans.filter(({ name }) => name === "flush");
    const linked = flushes.flatMap(({ links, parentSpanContext }) =>
      parentSpanContext === undefined
        ? links.map(({ context: { spanId: id } }) => id)
        : [parentSpanContext.spanId],
    );
    expect(attempts).toHaveLength(5);
    expect(linked.sort()).toEqual(attempts.map((span) => span.spanContext().spanId).sort());
    expect(sdk.span("enqueue receipt.send").attributes["messaging.batch.message_count"]).toBe(5);
  });
});

describe("the end of the instrumentation", () => {
  it("leaves nobody listening, and ends what is open", async () => {
    using sdk = new Sdk().instrument();
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const scheduler = new Scheduler({ store: memoryStore(), executors: [executor(sendReceipt, () => gate)] });
    await scheduler.start();
    await scheduler.enqueue(sendReceipt, { paymentId: "p1" }, { taskId: "a" });
    expect(heardChannels()).not.toEqual([]);
    sdk.end();
    expect(heardChannels()).toEqual([]);
    expect(sdk.span("attempt receipt.send").ended).toBe(true);
    release();
    await confirmed(scheduler, "a");
    await scheduler.stop();
  });

  it("an SDK that throws harms no task, and is told of", async () => {
    using sdk = new Sdk();
    const tracerProvider = {
      getTracer: () => ({
        startSpan: () => {
          throw new Error("the SDK is broken");
        },
        startActiveSpan: () => {
          throw new Error("the SDK is broken");
        },
      }),
    };
    sdk.instrument({ tracerProvider });
    const scheduler = new Scheduler({
      store: memoryStore(),
      executors: [executor(sendReceipt, () => undefined)],
    });
    await scheduler.start();
    await scheduler.enqueue(sendReceipt, { paymentId: "p1" }, { taskId: "a" });
    await confirmed(scheduler, "a");
    await scheduler.stop();
    expect(sdk.problems.join()).toContain("the SDK is broken");
    expect(trace.getActiveSpan()).toBeUndefined();
  });
});
