// The rig keeps its own promises: it leaves nothing behind, however it ends, and its proxy does what it says.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { Proxy } from "../../chaos/proxy.ts";
import { until } from "../../chaos/until.ts";
import { MessageReader } from "../../chaos/wire-messages.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const url = (path: string): string => JSON.stringify(new URL(`../../chaos/${path}`, import.meta.url).href);

/** Starts everything that a run can hold: a server, a disk, a worker that stands still, a client behind a proxy. */
const program = `
  import { endWithSignals, Rig } from ${url("rig.ts")};
  import { RunPostgres } from ${url("run-postgres.ts")};
  import { Stage, shortSettings } from ${url("stage.ts")};
  const rig = new Rig();
  endWithSignals(rig);
  const server = await rig.newServer();
  const disk = rig.mount("disk", 8);
  const stage = new Stage(rig, shortSettings, (nemesis) => new RunPostgres(server, nemesis));
  await stage.postgres.create(true);
  const worker = await stage.worker("worker");
  await stage.client("client", { proxied: true });
  stage.pause(worker);
  console.log("up " + ("folder" in disk ? "with a disk" : "without a disk"));
  setInterval(() => {}, 1000);
`;

/** Processes that work in a folder or below it. */
function processesBelow(folder: string): number[] {
  return readdirSync("/proc").flatMap((entry) => {
    try {
      return /^\d+$/.test(entry) && readlinkSync(`/proc/${entry}/cwd`).startsWith(folder)
        ? [Number(entry)]
        : [];
    } catch {
      return []; // it ended meanwhile, or belongs to someone else
    }
  });
}

// skipped: without databases there is nothing that could be left behind
describe.skipIf(process.env["OWED_TEST_POSTGRES"] === "none")("a rig that is ended half-way", () => {
  test.each(["SIGINT", "SIGTERM", "SIGKILL"] as const)(
    "leaves no process, no folder and no disk behind after %s",
    { timeout: 120_000 },
    async (signal) => {
      const folder = mkdtempSync(join(tmpdir(), "owed-rig-test-"));
      chmodSync(folder, 0o755);
      const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", program], {
        stdio: ["ignore", "pipe", "inherit"],
        cwd: root,
        env: { ...process.env, TMPDIR: folder },
      });
      const [text] = (await once(child.stdout, "data")) as [Buffer];
      expect(text.toString()).toContain("up");
      expect(processesBelow(folder).length).toBeGreaterThan(3);
      const ended = once(child, "exit");
      child.kill(signal);
      await ended;
      await until(
        "everything is gone",
        () => {
          const isMounted = readFileSync("/proc/mounts", "utf8").includes(folder);
          const left = readdirSync(folder).filter((name) => name.startsWith("owed-"));
          return processesBelow(folder).length === 0 && left.length === 0 && !isMounted;
        },
        60_000,
      );
      rmSync(folder, { recursive: true });
    },
  );
});

describe("the proxy", () => {
  const closing: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  /** A server that answers every typed message with its own bytes, and a client behind a proxy. */
  async function through(): Promise<{ proxy: Proxy; client: Socket; received: string[]; seen: string[] }> {
    const seen: string[] = [];
    const server: Server = createServer((socket) => {
      socket.on("error", () => undefined);
      const reader = new MessageReader();
      socket.on("data", (bytes) => {
        for (const message of reader.take(bytes)) {
          seen.push(message.toString("latin1"));
          socket.write(message);
        }
      });
    });
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    const proxy = await Proxy.before((server.address() as { port: number }).port);
    const client = connect({ host: "127.0.0.1", port: proxy.port });
    client.on("error", () => undefined);
    const received: string[] = [];
    client.on("data", (bytes) => received.push(bytes.toString("latin1")));
    await once(client, "connect");
    closing.push(
      () => new Promise((resolve) => server.close(resolve)),
      () => proxy[Symbol.asyncDispose](),
      () => client.destroy(),
    );
    client.write(Buffer.from([0, 0, 0, 8, 0, 3, 0, 0]));
    await until("the greeting came back", () => received.length > 0);
    received.length = 0;
    return { proxy, client, received, seen };
  }

  const query = (text: string): Buffer => {
    const head = Buffer.alloc(5);
    head.write("Q", 0, "latin1");
    head.writeInt32BE(text.length + 4, 1);
    return Buffer.concat([head, Buffer.from(text)]);
  };

  test("passes messages whole, also those that come byte by byte", async () => {
    const { client, received } = await through();
    for (const byte of query("select 1")) client.write(Buffer.from([byte]));
    await until("it came back", () => received.join("").includes("select 1"));
  });

  test("delivers the message and swallows its reply: the client's connection ends instead", async () => {
    const { proxy, client, received, seen } = await through();
    const swallowed = proxy.when({ text: "COMMIT", deed: "swallow-reply" });
    const closed = once(client, "close");
    client.write(query("commit"));
    await Promise.all([swallowed, closed]);
    expect(seen.join("")).toContain("commit");
    expect(received).toEqual([]);
  });

  test("acts at the nth message that holds the text", async () => {
    const { proxy, client, received, seen } = await through();
    const cut = proxy.when({ text: "beat", nth: 3, deed: "cut" });
    for (const number of [1, 2, 3]) client.write(query(`beat ${number}`));
    await cut;
    await once(client, "close");
    expect(seen.join("")).toContain("beat 2");
    expect(seen.join("")).not.toContain("beat 3");
    expect(received.join("")).not.toContain("beat 3");
  });

  test("a black hole tells nobody; healing ends the connections that lost bytes", async () => {
    const { proxy, client, received, seen } = await through();
    proxy.blackHole();
    client.write(query("lost"));
    await delay(150);
    expect(seen.join("")).not.toContain("lost");
    expect([received.length, client.destroyed]).toEqual([0, false]);
    const closed = once(client, "close");
    proxy.heal();
    await closed;
  });

  test("delays one direction and not the other", async () => {
    const { proxy, client, received, seen } = await through();
    proxy.treat("toClient", { delayMs: 300 });
    const sentMs = performance.now();
    client.write(query("slow"));
    await until("the server has it", () => seen.join("").includes("slow"));
    expect(received).toEqual([]);
    await until("the answer is there", () => received.join("").includes("slow"));
    expect(performance.now() - sentMs).toBeGreaterThan(250);
  });
});
