// Another process on the file of a test: holds the write lock, migrates, or claims until nothing is left.
import { setTimeout as delay } from "node:timers/promises";

import { loadDriver } from "../../src/store/sqlite/driver.ts";
import { sqliteStore } from "../../src/store/sqlite/index.ts";
import type { OtherWork } from "./other-process.ts";

async function hold(file: string, holdMs: number): Promise<void> {
  const handle = loadDriver(undefined).open(file);
  handle.exec("begin immediate");
  process.stdout.write("holding\n");
  await delay(holdMs);
  handle.exec("commit");
  handle.close();
}

async function migrate(file: string): Promise<void> {
  await using store = sqliteStore({ file });
  await store.migrate();
  await store.checkSchema();
}

async function claim(file: string, owner: string): Promise<void> {
  await using store = sqliteStore({ file });
  await store.register({ owner, host: "test", pid: process.pid, types: "all", slots: 10, leaseMs: 60_000 });
  process.stdout.write("ready\n");
  const liveClaims: number[] = [];
  for (let number = 1; ; number += 1) {
    liveClaims.push(number);
    const request = { owner, claim: number, types: "all", limit: 7, maxBytes: 1e6, suspectLimit: 2 } as const;
    const { tasks } = await store.claim({ ...request, alone: false, liveClaims });
    if (tasks.length === 0) return;
    for (const { taskId } of tasks) process.stdout.write(`claimed ${taskId}\n`);
    await store.settle(
      tasks.map(({ id, taskId, token }) => ({ kind: "confirm", id, taskId, token, durationMs: 1 })),
    );
  }
}

const work = JSON.parse(process.argv[2] ?? "{}") as OtherWork;
switch (work.kind) {
  case "hold":
    await hold(work.file, work.holdMs);
    break;
  case "migrate":
    await migrate(work.file);
    break;
  case "claim":
    await claim(work.file, work.owner);
    break;
}
