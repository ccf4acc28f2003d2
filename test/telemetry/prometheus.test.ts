// What Prometheus scrapes of a dashboard: who may, what stands there, and that the real one can read it.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createSocket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Authorize, dashboard, nodeHandler, type Right } from "owed/dashboard";
import { memoryStore } from "owed/memory";
import { describe, expect, it } from "vitest";
import { processId, processRecord } from "../../src/conformance/scene.ts";
import { everyRight } from "../../src/dashboard/options.ts";
import { measures } from "../../src/telemetry/measures.ts";
import { PrometheusSink, prometheusName } from "../../src/telemetry/prometheus.ts";
import { virtualPorts } from "../../src/testing/index.ts";
import { openThreeTasks, visitorOf } from "../dashboard/scene.ts";
import { findPrometheus } from "../support/prometheus.ts";
import { readExposition, valueOf } from "./exposition.ts";
import { bad, expected, good, knownRun, slow } from "./known-run.ts";
import { until } from "./sdk.ts";

const found = findPrometheus();

/** A dashboard that has been scraped once, and a scrape of it. */
async function afterKnownRun(): Promise<{ readonly text: string } & AsyncDisposable> {
  const first = dashboard({ store: memoryStore(), authorize: () => "prometheus" });
  await first(new Request("http://localhost/metrics"));
  const scheduler = await knownRun();
  const text = await (await first(new Request("http://localhost/metrics"))).text();
  return { text, [Symbol.asyncDispose]: () => scheduler.stop() };
}

describe("/metrics", () => {
  it("is for whoever has the right to it, and needs no other", async () => {
    await using scene = await openThreeTasks();
    for (const right of everyRight) {
      const authorize: Authorize = (question) => (question.right === right ? "somebody" : null);
      const { status, html } = await visitorOf(scene, { authorize }).get("metrics");
      expect([right, status]).toEqual([right, right === "metrics" ? 200 : 403]);
      expect(html.includes("owed_tasks")).toBe(right === "metrics");
    }
    const scraper = visitorOf(scene, {
      authorize: ({ right }) => (right === "metrics" ? "prometheus" : null),
    });
    for (const path of ["", "tasks", "task?id=failed"]) expect((await scraper.get(path)).status).toBe(403);
  });

  it("is closed on the loopback interface until that is said", async () => {
    await using scene = await openThreeTasks();
    const scrape = async (loopbackRights?: readonly Right[]): Promise<number> => {
      const handler = dashboard({ store: scene.store, dangerouslyOpenOnLoopback: true, loopbackRights });
      return (await handler(new Request("http://127.0.0.1/metrics"), { remoteAddress: "127.0.0.1" })).status;
    };
    expect([await scrape(), await scrape(["view"]), await scrape(["metrics"])]).toEqual([403, 403, 200]);
  });

  it("is read, never sent to, and kept by nobody", async () => {
    await using scene = await openThreeTasks();
    const visitor = visitorOf(scene);
    expect((await visitor.post("metrics", "")).status).toBe(405);
    const head = await visitor.get("metrics", { method: "HEAD" });
    expect([head.status, head.html]).toEqual([200, ""]);
    const { headers } = await visitor.get("metrics");
    expect(headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    const login = () => new Response(null, { status: 401 });
    expect((await visitorOf(scene, { authorize: login }).get("metrics")).status).toBe(401);
  });

  it("holds exactly what happened in this process since it was first scraped", async () => {
    await using run = await afterKnownRun();
    const families = readExposition(run.text);
    const type = "messaging_destination_name";
    for (const [name, count] of Object.entries(expected.sent))
      expect(valueOf(families, "messaging_client_sent_messages_total", { [type]: name })).toBe(count);
    for (const [name, count] of Object.entries(expected.attempts)) {
      expect(valueOf(families, "messaging_client_consumed_messages_total", { [type]: name })).toBe(count);
      expect(valueOf(families, "messaging_process_duration_seconds_count", { [type]: name })).toBe(count);
      expect(
        valueOf(families, "messaging_process_duration_seconds_bucket", { [type]: name, le: "300" }),
      ).toBe(count);
    }
    expect(
      valueOf(families, "messaging_process_duration_seconds_count", {
        [type]: slow.type,
        owed_outcome: "deferred",
      }),
    ).toBe(1);
    expect(valueOf(families, "owed_start_delay_seconds_count", { [type]: slow.type })).toBe(1);
    expect(
      valueOf(families, "owed_tasks_failed_total", { [type]: bad.type, owed_reason: "permanent-error" }),
    ).toBe(2);
    expect(valueOf(families, "owed_flush_size_sum")).toBe(11);
    expect(valueOf(families, "owed_claims_lost_total")).toBe(0);
    expect(valueOf(families, "owed_processes_declared_dead_total")).toBe(0);
    expect(run.text).toContain('messaging_destination_name="odd\\"type\\\\with\\nall"');
  });

  it("holds how the store stands, and the slots of the scheduler that it is given", async () => {
    const scheduler = await knownRun();
    const scrape = async (options: object): Promise<ReturnType<typeof readExposition>> => {
      const handler = dashboard({ store: memoryStore(), authorize: () => "prometheus", ...options });
      return readExposition(await (await handler(new Request("http://localhost/metrics"))).text());
    };
    const families = await scrape({ scheduler });
    for (const [state, count] of Object.entries(expected.states))
      expect(valueOf(families, "owed_tasks", { owed_state: state })).toBe(count);
    expect(valueOf(families, "owed_orphaned_types")).toBe(1);
    expect(valueOf(families, "owed_oldest_due_age_seconds")).toBeGreaterThan(0);
    expect(valueOf(families, "owed_slots_used", { owed_path: "worker" })).toBe(0);
    expect(valueOf(families, "owed_zombies")).toBe(0);
    expect(valueOf(families, "nodejs_eventloop_delay_p99_seconds")).toBeGreaterThanOrEqual(0);
    const alone = await scrape({});
    expect(valueOf(alone, "owed_processes")).toBe(0);
    expect(alone.has("owed_slots_used")).toBe(false);
    await scheduler.stop();
  });

  it("counts no process that has died, also when nobody is left to declare it dead", async () => {
    const ports = virtualPorts();
    const store = memoryStore({ ports });
    await store.register(processRecord(processId(1), { leaseMs: 15_000 }));
    const handler = dashboard({ store, ports, authorize: () => "prometheus" });
    const processes = async (): Promise<number> =>
      valueOf(
        readExposition(await (await handler(new Request("http://localhost/metrics"))).text()),
        "owed_processes",
      );
    expect(await processes()).toBe(1);
    await ports.advance(16_000);
    expect([await processes(), (await store.statistics()).processes]).toEqual([0, 1]);
  });

  it("answers what the process knows when the store does not answer, and says so", async () => {
    await using scene = await openThreeTasks();
    const store = { ...scene.store, statistics: () => Promise.reject(new Error("gone")) };
    const { status, html } = await visitorOf({ ...scene, store }).get("metrics");
    const families = readExposition(html);
    expect([status, valueOf(families, "owed_store_up"), families.has("owed_tasks")]).toEqual([200, 0, false]);
    expect(html).not.toContain("gone");
  });

  it("asks the store once in ten seconds at most, however often it is scraped", async () => {
    await using scene = await openThreeTasks();
    let asked = 0;
    const statistics = (): ReturnType<typeof scene.store.statistics> => {
      asked += 1;
      return scene.store.statistics();
    };
    const visitor = visitorOf({ ...scene, store: { ...scene.store, statistics } });
    for (let scrape = 0; scrape < 5; scrape += 1) await visitor.get("metrics");
    expect(asked).toBe(1);
  });
});

describe("the text format", () => {
  it("escapes what a label may hold, and the reader of these tests refuses what is wrong", () => {
    const sink = new PrometheusSink();
    const hostile = 'a"b\\c\nd{e="f"} 1\n# TYPE evil counter';
    sink.add(measures.sent, 3, { "messaging.destination.name": hostile });
    const text = sink.text([]);
    const families = readExposition(text);
    expect([...families.keys()]).toEqual(["messaging_client_sent_messages_total"]);
    expect(families.get("messaging_client_sent_messages_total")?.samples).toEqual([
      {
        name: "messaging_client_sent_messages_total",
        labels: { messaging_destination_name: hostile },
        value: 3,
      },
    ]);
    for (const broken of [
      text.trimEnd(),
      text.replace('\\"', '"'),
      text.replace("# TYPE", "# TIPE"),
      text + text,
      `${text}alone 1\n`,
      `${text}messaging_client_sent_messages_total one\n`,
    ])
      expect(() => readExposition(broken), broken).toThrow();
  });

  it("a value falls into the bucket whose bound it does not exceed", () => {
    const sink = new PrometheusSink();
    const labels = {};
    for (const value of [1, 2, 3, 500, 501]) sink.record(measures.flushSize, value, labels);
    const families = readExposition(sink.text([]));
    const bucket = (le: string): number => valueOf(families, "owed_flush_size_bucket", { le });
    expect([bucket("1"), bucket("2"), bucket("5"), bucket("500"), bucket("+Inf")]).toEqual([1, 2, 3, 4, 5]);
    expect([valueOf(families, "owed_flush_size_sum"), valueOf(families, "owed_flush_size_count")]).toEqual([
      1_007, 5,
    ]);
  });

  it("names follow those of OpenTelemetry, with unit and kind", () => {
    expect(prometheusName(measures.process)).toBe("messaging_process_duration_seconds");
    expect(prometheusName(measures.sent)).toBe("messaging_client_sent_messages_total");
    expect(prometheusName(measures.tasks)).toBe("owed_tasks");
  });
});

// skipped: where Debian's Prometheus cannot be downloaded; the strict reader above still reads every page
describe.skipIf(found.missing !== null)("Prometheus itself", () => {
  it("finds nothing wrong with the page (promtool check metrics)", async () => {
    if (found.missing !== null) return;
    await using run = await afterKnownRun();
    const { status, stdout, stderr } = spawnSync(found.promtool, ["check", "metrics"], {
      input: run.text,
      encoding: "utf8",
    });
    expect([status, stdout, stderr]).toEqual([0, "", ""]);
  });

  it("scrapes it with a token, and answers queries about it", async () => {
    if (found.missing !== null) return;
    const scheduler = await knownRun();
    const authorize: Authorize = ({ request, right }) =>
      right === "metrics" && request.headers.get("authorization") === "Bearer sesame" ? "prometheus" : null;
    const handler = dashboard({ store: memoryStore(), scheduler, authorize, basePath: "/admin/owed" });
    const server = createServer(nodeHandler(handler)).listen(0, "127.0.0.1");
    await once(server, "listening");
    const folder = mkdtempSync(join(tmpdir(), "owed-prometheus-"));
    const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const config = {
      global: { scrape_interval: "1s" },
      scrape_configs: [
        {
          job_name: "owed",
          metrics_path: "/admin/owed/metrics",
          authorization: { credentials: "sesame" },
          static_configs: [{ targets: [target] }],
        },
      ],
    };
    writeFileSync(join(folder, "prometheus.yml"), JSON.stringify(config)); // JSON is YAML
    const port = await freePort();
    const child = spawn(
      found.prometheus,
      [
        `--config.file=${join(folder, "prometheus.yml")}`,
        `--storage.tsdb.path=${join(folder, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`,
        `--web.console.libraries=${folder}`,
        `--web.console.templates=${folder}`,
      ],
      { stdio: "ignore" },
    );
    const query = async (
      expression: string,
    ): Promise<readonly (readonly [Record<string, string>, number])[]> => {
      const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`;
      const answer = (await (await fetch(url)).json()) as {
        readonly data: {
          readonly result: readonly {
            readonly metric: Record<string, string>;
            readonly value: [number, string];
          }[];
        };
      };
      return answer.data.result.map(({ metric, value }) => [metric, Number(value[1])]);
    };
    try {
      await until(
        async () => (await query("owed_tasks").catch(() => [])).length === 4,
        "Prometheus has scraped",
      );
      const states = (await query("owed_tasks")).map(([{ owed_state = "" }, value]) => [owed_state, value]);
      expect(Object.fromEntries(states)).toEqual(expected.states);
      expect((await query("up"))[0]?.[1]).toBe(1);
      expect((await query("owed_orphaned_types"))[0]?.[1]).toBe(1);
      await scheduler.enqueue(good, {}, { taskId: "one more" });
      await until(
        async () => (await query("sum(messaging_process_duration_seconds_count)"))[0]?.[1] === 1,
        "the attempt was scraped",
      );
    } finally {
      child.kill("SIGKILL");
      await once(child, "exit");
      server.closeAllConnections();
      server.close();
      await scheduler.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

async function freePort(): Promise<number> {
  const socket = createSocket().listen(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address() as AddressInfo;
  await new Promise<void>((resolve) => void socket.close(() => resolve()));
  return port;
}
