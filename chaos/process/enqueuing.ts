// How a client enqueues: in every kind of transaction, and again with the same ids when it does not know the outcome.
import { setTimeout as delay } from "node:timers/promises";
import type pg from "pg";
import { digestOf } from "../../checker/digest.ts";
import type { Receipt } from "../../src/run/enqueue.ts";
import type { SchedulerTransaction } from "../../src/run/transaction-session.ts";
import { definitionOf, type Script } from "./kinds.ts";
import type { Command, EnqueueWay, TaskOrder } from "./messages.ts";
import type { RunningNode } from "./node.ts";
import { seenOf, type WithCalls } from "./witnessed-store.ts";

/** What an enqueue is answered with. */
export interface EnqueueReport {
  readonly created: readonly string[];
  readonly existing: readonly string[];
  /** Answers of the fast path, where it was asked for. */
  readonly executed?: readonly string[];
}

/** The enqueuing half of a client. */
export class Enqueuing {
  readonly #node: RunningNode;
  readonly #open: { readonly client: pg.PoolClient; readonly calls: readonly string[] }[] = [];
  #calls = 0;
  #isLoading = false;
  #load: Promise<unknown> = Promise.resolve();

  constructor(node: RunningNode) {
    this.#node = node;
  }

  /** Carries out a command; undefined when it is none of its own. */
  carryOut(command: Command): Promise<unknown> | undefined {
    switch (command.do) {
      case "enqueue":
        return this.enqueue(command.way, command.tasks);
      case "load":
        this.#isLoading = true;
        this.#load = this.#keepLoading(command);
        return Promise.resolve(null);
      case "end-load":
        this.#isLoading = false;
        return this.#load;
      case "end-open":
        return this.#commitOpen();
      default:
        return undefined;
    }
  }

  /** Enqueues in one of the ways. */
  async enqueue(way: EnqueueWay, tasks: readonly TaskOrder[]): Promise<EnqueueReport> {
    switch (way) {
      case "alone":
        return await this.#alone(tasks);
      case "transaction":
        return await this.#transaction(tasks);
      default:
        return await this.#caller(way, tasks);
    }
  }

  async #alone(tasks: readonly TaskOrder[]): Promise<EnqueueReport> {
    const { recorder, scheduler } = this.#node;
    const receipts: Receipt[] = [];
    for (const task of tasks) {
      const call = this.#begin([task]);
      recorder.record({ kind: "commit.invoke", calls: [call] });
      const answered = (seen: "ok" | "fail" | "info", created: readonly string[]): void => {
        recorder.record({ kind: "enqueue.answer", call, seen, created });
        recorder.record({ kind: "commit.answer", calls: [call], seen });
      };
      try {
        const receipt = await scheduler.enqueue(this.#definition(task), task.script, optionsOf(task));
        receipts.push(receipt);
        answered("ok", receipt.created ? [task.taskId] : []);
      } catch (error) {
        answered(seenOf(error), []);
        throw error;
      }
    }
    return reportOf(receipts);
  }

  async #transaction(tasks: readonly TaskOrder[]): Promise<EnqueueReport> {
    const { scheduler, recorder } = this.#node;
    const work = (tx: SchedulerTransaction<unknown, boolean> & WithCalls): unknown => {
      const answers = tasks.map((task) => {
        const call = this.#begin([task]);
        const done = (): void => {
          tx.calls.push(call);
          const created = tx.created.has(task.taskId) ? [task.taskId] : [];
          recorder.record({ kind: "enqueue.answer", call, seen: "ok", created });
        };
        const failed = (error: unknown): never => {
          recorder.record({ kind: "enqueue.answer", call, seen: "fail", created: [] });
          throw error;
        };
        try {
          const enqueued = tx.enqueue(this.#definition(task), task.script, optionsOf(task));
          return enqueued instanceof Promise ? enqueued.then(done, failed) : done();
        } catch (error) {
          return failed(error);
        }
      });
      return answers.some((answer) => answer instanceof Promise)
        ? Promise.all(answers.map((answer) => Promise.resolve(answer)))
        : null;
    };
    const result = await scheduler.transaction(work as never); // one callback for both kinds of store
    return reportOf(result.receipts);
  }

  async #caller(way: EnqueueWay, tasks: readonly TaskOrder[]): Promise<EnqueueReport> {
    const { pool, scheduler, recorder } = this.#node;
    if (pool === null) throw new Error("this client has no pool of its own");
    const client = await pool.connect();
    const ignore = (): void => undefined;
    client.on("error", ignore);
    const calls: string[] = [];
    let isBroken = true;
    try {
      await client.query("begin");
      const receipts = await this.#inTransaction(client, tasks, calls);
      if (way === "left-open") {
        this.#open.push({ client, calls });
        isBroken = false;
        return reportOf(receipts);
      }
      if (way === "swallowed-error") await client.query("select 1 / 0").catch(() => undefined);
      if (way === "rolled-back") {
        await client.query("rollback");
        recorder.record({ kind: "rollback", calls });
      } else await this.#commit(client, calls);
      isBroken = false;
      recorder.record({ kind: "fast.call", taskIds: tasks.map(({ taskId }) => taskId) });
      const executed = await scheduler.tryExecuteNow(receipts);
      return { ...reportOf(receipts), executed };
    } catch (error) {
      if (isBroken && calls.length > 0 && !isCommitError(error)) recorder.record({ kind: "rollback", calls });
      throw error;
    } finally {
      if (way !== "left-open" || isBroken) client.release(isBroken);
      if (!isBroken && way !== "left-open") client.off("error", ignore);
    }
  }

  async #inTransaction(
    client: pg.PoolClient,
    tasks: readonly TaskOrder[],
    calls: string[],
  ): Promise<readonly Receipt[]> {
    const { scheduler, recorder } = this.#node;
    const receipts: Receipt[] = [];
    for (const task of tasks) {
      const call = this.#begin([task]);
      try {
        const receipt = await scheduler.enqueue(client, this.#definition(task), task.script, optionsOf(task));
        receipts.push(receipt);
        calls.push(call);
        const created = receipt.created ? [task.taskId] : [];
        recorder.record({ kind: "enqueue.answer", call, seen: "ok", created });
      } catch (error) {
        recorder.record({ kind: "enqueue.answer", call, seen: "fail", created: [] });
        throw error;
      }
    }
    return receipts;
  }

  /** COMMIT of an aborted transaction is answered with ROLLBACK, and no error (V1). */
  async #commit(client: pg.PoolClient, calls: readonly string[]): Promise<void> {
    const { recorder } = this.#node;
    recorder.record({ kind: "commit.invoke", calls });
    try {
      const { command } = await client.query("commit");
      recorder.record({ kind: "commit.answer", calls, seen: command === "COMMIT" ? "ok" : "fail" });
    } catch (error) {
      const isKnown = typeof (error as { readonly severity?: unknown }).severity === "string";
      recorder.record({ kind: "commit.answer", calls, seen: isKnown ? "fail" : "info" });
      throw new CommitError("the commit was not answered with success", { cause: error });
    }
  }

  async #commitOpen(): Promise<void> {
    for (const { client, calls } of this.#open.splice(0)) {
      let isBroken = true;
      try {
        await this.#commit(client, calls);
        isBroken = false;
      } finally {
        client.release(isBroken);
      }
    }
  }

  /** Enqueues a task every so often; one that may or may not stand is enqueued again under its id until it does. */
  async #keepLoading(load: Extract<Command, { readonly do: "load" }>): Promise<number> {
    const ways: readonly EnqueueWay[] =
      this.#node.pool === null ? ["alone", "transaction"] : ["alone", "transaction", "caller"];
    let number = 0;
    while (this.#isLoading) {
      number += 1;
      const way = ways[number % ways.length] as EnqueueWay; // it is not empty
      const kind = load.kinds[number % load.kinds.length] ?? "work";
      const fails = Math.random() < load.failing ? { end: "fail", times: 1 + (number % 2) } : {};
      const script = { runMs: Math.random() * load.runMs, ...fails } as Script; // spread as a whole
      await this.#untilItStands(way, { taskId: `${load.prefix}-${number}`, kind, script });
      await delay(load.everyMs * (0.5 + Math.random()));
    }
    return number;
  }

  async #untilItStands(way: EnqueueWay, task: TaskOrder): Promise<void> {
    for (let tries = 0; ; tries += 1) {
      try {
        await this.enqueue(tries % 2 === 0 ? way : "alone", [task]);
        return;
      } catch {
        if (!this.#isLoading) return;
        await delay(Math.min(100 * 2 ** tries, 1_000));
      }
    }
  }

  #begin(tasks: readonly TaskOrder[]): string {
    this.#calls += 1;
    const call = `c${this.#calls}`;
    const taskIds = tasks.map(({ taskId }) => taskId);
    const digests = tasks.map(({ script }) => digestOf(canonical(script)));
    this.#node.recorder.record({ kind: "enqueue.invoke", call, taskIds, digests });
    return call;
  }

  #definition({ kind }: TaskOrder): ReturnType<typeof definitionOf> {
    return definitionOf(kind, this.#node.settings.maxLostAlone);
  }
}

/** Marks an error of COMMIT: whether the transaction was rolled back is then not known here. */
class CommitError extends Error {}

function isCommitError(error: unknown): boolean {
  return error instanceof CommitError;
}

/** The bytes that executors must be given: JSON with sorted keys. A script holds no objects. */
function canonical(script: Script): string {
  return JSON.stringify(script, Object.keys(script).sort());
}

function optionsOf({ taskId, delayMs }: TaskOrder): { readonly taskId: string; readonly delayMs?: number } {
  return delayMs === undefined ? { taskId } : { taskId, delayMs };
}

function reportOf(receipts: readonly Receipt[]): EnqueueReport {
  const of = (created: boolean): string[] =>
    receipts.filter((receipt) => receipt.created === created).map(({ taskId }) => taskId);
  return { created: of(true), existing: of(false) };
}
