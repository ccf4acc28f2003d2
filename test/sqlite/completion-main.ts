// A process that executes one task in a transaction, and kills itself before a given statement of it.
import { defineTask, executor, Scheduler } from "owed";
import type { RawHandle, RawStatement } from "../../src/store/sqlite/driver.ts";
import { sqliteStore } from "../../src/store/sqlite/index.ts";

const [file = "", killAtText = "0"] = process.argv.slice(2);
const killAt = Number(killAtText);
let statements = 0;

/** Called before each statement from the work's first one to COMMIT, and once more after it. */
function passed(): void {
  statements += 1;
  if (statements === killAt) process.kill(process.pid, "SIGKILL");
}

/** Counts what runs on the connection of the transaction. */
function watch(handle: RawHandle): void {
  const prepare = handle.prepare.bind(handle);
  const exec = handle.exec.bind(handle);
  const counted = (statement: RawStatement): RawStatement =>
    new Proxy(statement, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== "function") return value;
        return (...parameters: readonly unknown[]): unknown => {
          if (key === "run" || key === "get" || key === "all") passed();
          return Reflect.apply(value, target, parameters) as unknown;
        };
      },
    });
  Object.assign(handle, {
    prepare: (sql: string) => counted(prepare(sql)),
    exec: (sql: string) => {
      passed();
      exec(sql);
      if (/commit/i.test(sql)) passed();
    },
  });
}

const store = sqliteStore({ file });
const scheduler = new Scheduler({
  store,
  leaseMs: 1_000,
  executors: [
    executor(defineTask<unknown>({ type: "transfer" }), { transactional: store }, ({ tx, taskId }) => {
      watch(tx.handle as RawHandle);
      tx.run("insert into effects values (?)", taskId);
      tx.enqueue(defineTask<unknown>({ type: "receipt" }), {}, { taskId: `receipt of ${taskId}` });
    }),
  ],
});
await scheduler.start();
const answer = await scheduler.executeAndAdvance("a");
await scheduler.stop();
process.stdout.write(`${answer} after ${statements} statements\n`);
