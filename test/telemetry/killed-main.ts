// A process that enqueues a task in a trace, begins to execute it, and is killed by its test meanwhile.
import { context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { defineTask, executor, Scheduler } from "owed";
import { instrument } from "owed/opentelemetry";
import { postgresStore } from "owed/postgres";

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
const tracerProvider = new BasicTracerProvider();
instrument({ tracerProvider });
const sendReceipt = defineTask<{ paymentId: string }>({ type: "receipt.send" });
const store = postgresStore(
  JSON.parse(process.argv[2] ?? "") as { readonly connectionString: string; readonly schema: string },
);
const hang = executor(sendReceipt, async ({ headers }) => {
  const attempt = trace.getActiveSpan()?.spanContext();
  console.log(
    JSON.stringify({ traceId: attempt?.traceId, enqueueId: headers?.["traceparent"]?.split("-")[2] }),
  );
  await new Promise((resolve) => setTimeout(resolve, 60_000));
});
const scheduler = new Scheduler({ store, leaseMs: 1_000, executors: [hang] });
await scheduler.start();
await tracerProvider.getTracer("shop").startActiveSpan("pay", async (span) => {
  await scheduler.enqueue(sendReceipt, { paymentId: "p1" }, { taskId: "a" });
  span.end();
});
