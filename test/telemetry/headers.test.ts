// Headers of tasks as they may come in: whatever stands there, the task is executed, and only a true traceparent names a trace.
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { defineTask, executor, Scheduler } from "owed";
import { memoryStore } from "owed/memory";
import { describe, expect, it } from "vitest";
import { confirmed, Sdk } from "./sdk.ts";

const sendReceipt = defineTask<{ paymentId: string }>({ type: "receipt.send" });

const traceId = "0af7651916cd43dd8448eb211c80319c";
const spanId = "b7ad6b7169203331";

describe("headers of a task that are", () => {
  const attempted = async (headers: Readonly<Record<string, string>>): Promise<ReadableSpan> => {
    using sdk = new Sdk().instrument();
    const scheduler = new Scheduler({
      store: memoryStore(),
      executors: [executor(sendReceipt, () => undefined)],
    });
    await scheduler.start();
    await scheduler.enqueue(sendReceipt, { paymentId: "p1" }, { taskId: "a", headers });
    await confirmed(scheduler, "a");
    await scheduler.stop();
    expect(sdk.problems).toEqual([]);
    return sdk.span("attempt receipt.send");
  };

  it.each([
    ["rubbish", "rubbish"],
    ["empty", ""],
    ["of a version that is none", `ff-${traceId}-${spanId}-01`],
    ["of version 00 with more behind", `00-${traceId}-${spanId}-01-more`],
    ["of a trace of zeros", `00-${"0".repeat(32)}-${spanId}-01`],
    ["of a span of zeros", `00-${traceId}-${"0".repeat(16)}-01`],
    ["in capitals", `00-${traceId.toUpperCase()}-${spanId}-01`],
    ["too short", `00-${traceId.slice(1)}-${spanId}-01`],
    ["huge", "0".repeat(4_000)],
    ["of several lines", `00-${traceId}-${spanId}-01\n`],
  ])("%s name no span: the attempt begins a trace, and is executed", async (_, traceparent) => {
    const attempt = await attempted({ traceparent });
    expect([attempt.parentSpanContext, attempt.links]).toEqual([undefined, []]);
    expect(attempt.attributes["owed.state"]).toBe("confirmed");
  });

  it.each([
    ["the caller's own", `00-${traceId}-${spanId}-01`],
    ["of a later version", `01-${traceId}-${spanId}-01-more`],
  ])("%s are the ones that count", async (_, traceparent) => {
    const attempt = await attempted({ traceparent });
    expect(attempt.parentSpanContext).toMatchObject({ traceId, spanId, isRemote: true });
  });

  it("a tracestate is handed on, and one that is too long is not", async () => {
    const traceparent = `00-${traceId}-${spanId}-01`;
    const good = await attempted({ traceparent, tracestate: "vendor=abc,other=1" });
    expect(good.parentSpanContext?.traceState?.serialize()).toBe("vendor=abc,other=1");
    const long = await attempted({ traceparent, tracestate: `vendor=${"x".repeat(3_000)}` });
    expect(long.parentSpanContext).toMatchObject({ traceId });
    expect(long.parentSpanContext?.traceState).toBeUndefined();
  });

  it.each([
    ["no text", { traceparent: 7 }],
    ["inherited", Object.create({ traceparent: `00-${traceId}-${spanId}-01` })],
    ["an array", { traceparent: [`00-${traceId}-${spanId}-01`] }],
  ])("%s, as a store of somebody else may hand them over, do no harm", async (_, headers) => {
    using sdk = new Sdk().instrument();
    const inner = memoryStore();
    const store = {
      ...inner,
      claim: async (...call: Parameters<typeof inner.claim>) => {
        const answer = await inner.claim(...call);
        return {
          ...answer,
          tasks: answer.tasks.map((task) => ({ ...task, headers: headers as Record<string, string> })),
        };
      },
    };
    const scheduler = new Scheduler({
      store,
      fastPath: "off",
      executors: [executor(sendReceipt, () => undefined)],
    });
    scheduler.startWorker({ pollIntervalMs: 10 });
    await scheduler.start();
    await scheduler.enqueue(sendReceipt, { paymentId: "p1" }, { taskId: "a" });
    await confirmed(scheduler, "a");
    await scheduler.stop();
    expect(sdk.span("attempt receipt.send").links).toEqual([]);
    expect(sdk.problems).toEqual([]);
  });
});
