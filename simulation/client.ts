// Clients: they enqueue in transactions of all kinds, retry with the same ids, and misuse the library where the plan says so.
import { digestOf } from "../checker/digest.ts";
import { CommitUnknownError, TaskConflictError, TaskExistsError } from "../src/errors.ts";
import type { Receipt } from "../src/run/enqueue.ts";
import type { EnqueueOptions, RawRecord } from "../src/run/new-record.ts";
import { defineTask, type TaskDefinition } from "../src/task/definition.ts";
import type { Node } from "./cluster.ts";
import type { PlannedCall, PlannedRequest, PlannedTask } from "./plan.ts";
import type { WireTransaction } from "./wire-transaction.ts";
import { seenOf } from "./witness.ts";
import type { World } from "./world.ts";

/** Thrown by a client that wants its transaction, or savepoint, rolled back. */
class ChangeOfMind extends Error {}

/** How a call enqueues: through the scheduler, or through the transaction the scheduler handed out. */
type Enqueue = (call: PlannedCall, tasks: readonly PlannedTask[]) => Promise<readonly Receipt[] | null>;

/** What a client uses of a transaction. */
type OwnTx = Pick<WireTransaction, "get" | "put" | "calls" | "created" | "hasBirths">;

/** How work is put into a savepoint. */
type Within = (work: () => Promise<void>, rolledBack: boolean) => Promise<void>;

/** One request of a client, with its retries. */
export class Client {
  readonly #world: World;
  readonly #request: PlannedRequest;
  readonly #number: number;
  #node: Node;
  #try = 0;

  constructor(world: World, request: PlannedRequest, number: number, node: Node) {
    this.#world = world;
    this.#request = request;
    this.#number = number;
    this.#node = node;
  }

  /** Runs the request until it succeeds, or its retries are used up. Never rejects. */
  async run(): Promise<void> {
    for (; this.#try <= this.#request.retries; this.#try += 1) {
      try {
        await this.#runOnce();
        return;
      } catch (error) {
        this.#world.recorder.note(`request failed: ${nameOf(error)}`);
        if (
          error instanceof ChangeOfMind ||
          error instanceof TaskConflictError ||
          error instanceof TaskExistsError
        )
          return;
        await this.#sleep(50 * 2 ** this.#try);
      }
    }
  }

  async #runOnce(): Promise<void> {
    switch (this.#request.kind) {
      case "alone":
        return await this.#alone();
      case "transaction":
        return await this.#transaction();
      case "begin":
        return await this.#begin();
    }
  }

  /** Enqueue without a transaction: its commit is not seen from outside. */
  async #alone(): Promise<void> {
    const { recorder } = this.#world;
    const { process, scheduler } = this.#node;
    const [planned] = this.#request.calls;
    const [task] = this.#tasksOf(planned);
    if (planned === undefined || task === undefined) return;
    const call = this.#callName(0);
    recorder.record(process, { kind: "enqueue.invoke", call, ...enqueued([task], planned) });
    recorder.record(process, { kind: "commit.invoke", calls: [call] });
    try {
      const receipt = await scheduler.enqueue(this.#definition(task), dataOf(planned), this.#optionsOf(task));
      const created = receipt.created ? [task.taskId] : [];
      recorder.record(process, { kind: "enqueue.answer", call, seen: "ok", created });
      recorder.record(process, { kind: "commit.answer", calls: [call], seen: "ok" });
    } catch (error) {
      const seen = error instanceof CommitUnknownError ? "info" : seenOf(error);
      recorder.record(process, { kind: "enqueue.answer", call, seen, created: [] });
      recorder.record(process, { kind: "commit.answer", calls: [call], seen });
      throw error;
    }
  }

  async #transaction(): Promise<void> {
    const { scheduler } = this.#node;
    const { isolation, tryNow, ending } = this.#request;
    const options = { isolationLevel: isolation, maxRetries: this.#request.retries };
    let rounds = 0;
    const result = await scheduler.transaction(async (tx) => {
      rounds += 1;
      if (rounds > 1) this.#world.recorder.note("serialization failure retried");
      const enqueue: Enqueue = async (call, tasks) => {
        const [task] = tasks;
        if (call.raw) await tx.enqueueAll(tasks.map((each) => this.#rawOf(each, call)));
        else if (task !== undefined)
          await tx.enqueue(this.#definition(task), dataOf(call), this.#optionsOf(task));
        return null;
      };
      const within: Within = (work) => tx.savepoint(work);
      await this.#work(tx, enqueue, within, `.${rounds}`, true);
      if (ending === "rollback") throw new ChangeOfMind();
    }, options);
    if (tryNow !== "never") await this.#tryNow(result.receipts);
  }

  async #begin(): Promise<void> {
    const { scheduler, store, wire } = this.#node;
    const { isolation, tryNow, ending } = this.#request;
    const tx = (await store.begin({ isolationLevel: isolation })).transaction;
    const receipts: Receipt[] = [];
    const undone: Receipt[] = [];
    let isUndoing = false;
    try {
      const enqueue: Enqueue = async (call, tasks) => {
        const [task] = tasks;
        if (task === undefined) return [];
        const answer = call.raw
          ? await scheduler.enqueueAll(
              tx,
              tasks.map((each) => this.#rawOf(each, call)),
            )
          : [await scheduler.enqueue(tx, this.#definition(task), dataOf(call), this.#optionsOf(task))];
        (isUndoing ? undone : receipts).push(...answer);
        if (tryNow === "before") void scheduler.tryExecuteNow(answer);
        return answer;
      };
      const within: Within = async (work, rolledBack) => {
        const savepoint = await tx.savepoint();
        isUndoing = rolledBack;
        try {
          await work();
          await savepoint.release();
        } catch (error) {
          await savepoint.rollback();
          if (!(error instanceof ChangeOfMind)) throw error;
        } finally {
          isUndoing = false;
        }
      };
      await this.#work(tx, enqueue, within, "");
      if (ending === "never" && this.#world.wires.hasFaults) {
        return this.#world.recorder.note("transaction left open");
      }
      if (ending !== "commit") {
        await tx.rollback();
        await this.#tryNow(receipts);
        throw new ChangeOfMind();
      }
      await tx.commit();
    } catch (error) {
      await tx.rollback();
      throw error;
    } finally {
      if (ending !== "never") wire.open.delete(tx);
    }
    if (undone.length > 0) await this.#tryNow(undone);
    if (tryNow === "after" || tryNow === "twice") await this.#tryNow(receipts);
    if (tryNow === "twice") await this.#tryNow(receipts);
  }

  /** What is done inside the transaction: the user's own rows, the calls, and a while of waiting. */
  async #work(tx: OwnTx, enqueue: Enqueue, within: Within, round: string, mayForget = false): Promise<void> {
    const { rows, calls, holdMs } = this.#request;
    for (const row of rows) {
      const value = await tx.get(`row-${row}`);
      await this.#sleep(1);
      await tx.put(`row-${row}`, Number(value ?? 0) + 1);
    }
    for (const [index, call] of calls.entries()) {
      const name = `${this.#callName(index)}${round}`;
      if (mayForget && call.savepoint !== "none" && call.swallowed && index === calls.length - 1) {
        // The await that a user forgot: whatever comes of it, the end of the transaction has to wait for it.
        this.#enqueueWithin(tx, enqueue, within, call, name).catch((error: unknown) => {
          this.#world.recorder.note(`swallowed: ${nameOf(error)}`);
        });
        this.#world.recorder.note("savepoint not waited for");
        continue;
      }
      try {
        if (call.savepoint === "none") await this.#enqueue(tx, enqueue, call, name);
        else await this.#enqueueWithin(tx, enqueue, within, call, name);
      } catch (error) {
        if (!call.swallowed) throw error;
        this.#world.recorder.note(`swallowed: ${nameOf(error)}`);
      }
    }
    await this.#sleep(holdMs);
  }

  async #enqueueWithin(
    tx: OwnTx,
    enqueue: Enqueue,
    within: Within,
    call: PlannedCall,
    name: string,
  ): Promise<void> {
    const rolledBack = call.savepoint === "rolledBack";
    const before = tx.calls.length;
    try {
      await within(async () => {
        await this.#enqueue(tx, enqueue, call, name);
        if (rolledBack) throw new ChangeOfMind();
      }, rolledBack);
    } catch (error) {
      this.#undone(tx, before);
      if (!(error instanceof ChangeOfMind)) throw error;
    }
    if (rolledBack) this.#undone(tx, before);
  }

  #undone(tx: OwnTx, from: number): void {
    const calls = tx.calls.splice(from);
    if (calls.length === 0) return;
    if (tx.hasBirths) this.#world.recorder.note("savepoint rolled back with births");
    this.#world.recorder.record(this.#node.process, { kind: "rollback", calls });
    this.#world.recorder.note("savepoint rolled back with tasks");
  }

  /** Raw tasks go in one call, typed ones in a call each. */
  async #enqueue(tx: OwnTx, enqueue: Enqueue, call: PlannedCall, name: string): Promise<void> {
    const tasks = this.#tasksOf(call);
    const parts = call.raw ? [tasks] : tasks.map((task) => [task]);
    for (const [index, part] of parts.entries())
      await this.#enqueuePart(tx, enqueue, call, part, `${name}.${index}`);
  }

  async #enqueuePart(
    tx: OwnTx,
    enqueue: Enqueue,
    call: PlannedCall,
    tasks: readonly PlannedTask[],
    name: string,
  ): Promise<void> {
    const { recorder } = this.#world;
    const { process } = this.#node;
    recorder.record(process, {
      kind: "enqueue.invoke",
      call: name,
      ...enqueued(tasks, call),
    });
    tx.created.clear();
    try {
      const receipts = await enqueue(call, tasks);
      tx.calls.push(name);
      const created = [...tx.created];
      if (receipts?.some((receipt) => !receipt.created)) recorder.note("duplicate recognised");
      recorder.record(process, { kind: "enqueue.answer", call: name, seen: "ok", created });
    } catch (error) {
      recorder.record(process, { kind: "enqueue.answer", call: name, seen: "fail", created: [] });
      throw error;
    }
  }

  async #tryNow(receipts: readonly Receipt[]): Promise<void> {
    const { recorder } = this.#world;
    const { process, scheduler } = this.#node;
    recorder.record(process, { kind: "fast.call", taskIds: receipts.map(({ taskId }) => taskId) });
    for (const answer of await scheduler.tryExecuteNow(receipts)) recorder.note(`tried now: ${answer}`);
  }

  #tasksOf(call: PlannedCall | undefined): readonly PlannedTask[] {
    return (call?.tasks ?? []).flatMap((index) => this.#world.plan.tasks[index] ?? []);
  }

  #callName(index: number): string {
    return `r${this.#number}.${this.#try}.${index}`;
  }

  #typeOf(task: PlannedTask): string {
    return this.#world.plan.types[task.type]?.name ?? "type-0";
  }

  #definition(task: PlannedTask): TaskDefinition<unknown, unknown> {
    return defineTask({ type: this.#typeOf(task), onDuplicate: task.onDuplicate });
  }

  #optionsOf(task: PlannedTask): EnqueueOptions {
    const { taskId, delayMs, runAt, key } = task;
    if (!runAt) return { taskId, key, ...(delayMs > 0 ? { delayMs } : {}) };
    return { taskId, key, runAt: new Date(this.#world.server.nowMs + delayMs - 500) };
  }

  #rawOf(task: PlannedTask, call: PlannedCall): RawRecord {
    const data = Buffer.from(JSON.stringify(dataOf(call)));
    return { type: this.#typeOf(task), data, onDuplicate: task.onDuplicate, ...this.#optionsOf(task) };
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#node.process.ports.timers.after(delayMs, resolve));
  }
}

function dataOf(call: PlannedCall): { readonly content: number } {
  return { content: call.content };
}

/** What a call enqueues, for the history. */
function enqueued(
  tasks: readonly PlannedTask[],
  call: PlannedCall,
): { readonly taskIds: readonly string[]; readonly digests: readonly string[] } {
  const digest = digestOf(JSON.stringify(dataOf(call)));
  return { taskIds: tasks.map(({ taskId }) => taskId), digests: tasks.map(() => digest) };
}

function nameOf(error: unknown): string {
  const { name, code } = error as { readonly name?: unknown; readonly code?: unknown };
  return typeof code === "string" ? code : String(name);
}
