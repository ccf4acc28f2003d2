// What a transaction's callback does not wait for is whole in it or not at all: savepoints under way, and late calls.
import { setTimeout as pause } from "node:timers/promises";
import {
  executor,
  InvalidInputError,
  NotATransactionError,
  Scheduler,
  type SchedulerTransaction,
  type TransactionResult,
} from "owed";
import { type MemoryRows, memoryStore } from "owed/memory";
import { type PostgresTransactionApi, postgresStore } from "owed/postgres";
import { describe, expect, it, onTestFinished } from "vitest";

import { freshSchema, testPool } from "../support/database.ts";
import { gate, job } from "./world.ts";

type Tx = SchedulerTransaction<unknown, false>;

/** A store with rows of the user's own beside the tasks. */
interface Desk {
  transaction(work: (tx: Tx) => unknown): Promise<TransactionResult<unknown>>;
  /** Writes a row of the user's own. */
  write(tx: Tx, key: string): Promise<unknown>;
  /** The rows of the user's own and the tasks that stand, in order. */
  standing(): Promise<readonly string[]>;
}

async function memoryDesk(): Promise<Desk> {
  const store = memoryStore();
  const scheduler = new Scheduler({ store, executors: [executor(job, () => undefined)] });
  return {
    transaction: (work) => scheduler.transaction((tx) => work(tx)),
    write: (tx, key) => (tx as SchedulerTransaction<MemoryRows, false>).put(key, 1), // tx comes from this store
    standing: async () => {
      const { value } = await scheduler.transaction((tx) => tx.keys());
      return [
        ...value,
        ...(await scheduler.list({ state: "pending" })).tasks.map(({ taskId }) => taskId),
      ].sort();
    },
  };
}

async function postgresDesk(): Promise<Desk> {
  const pool = testPool();
  const schema = freshSchema();
  const store = postgresStore({ pool, schema });
  onTestFinished(async () => {
    await store.close();
    await pool.end();
  });
  await store.migrate();
  await pool.query(`create table ${schema}.row (key text primary key)`);
  const scheduler = new Scheduler({ store, executors: [executor(job, () => undefined)] });
  return {
    transaction: (work) => scheduler.transaction((tx) => work(tx)),
    write: (tx, key) =>
      // tx comes from this store
      (tx as SchedulerTransaction<PostgresTransactionApi, false>).query(
        `insert into ${schema}.row (key) values ($1)`,
        [key],
      ),
    standing: async () => {
      const { rows } = await pool.query<{ readonly key: string }>(`select key from ${schema}.row`);
      const { tasks } = await scheduler.list({ state: "pending" });
      return [...rows.map(({ key }) => key), ...tasks.map(({ taskId }) => taskId)].sort();
    },
  };
}

const idsOf = ({ receipts }: TransactionResult<unknown>): readonly string[] =>
  receipts.map(({ taskId }) => taskId);

/** Writes a row and a task of nearly that name. */
async function leave(desk: Desk, tx: Tx, name: string): Promise<void> {
  await desk.write(tx, `row ${name}`);
  await tx.enqueue(job, {}, { taskId: `task ${name}` });
}

const ofAll = (...names: readonly string[]): readonly string[] =>
  names.flatMap((name) => [`row ${name}`, `task ${name}`]).sort();

/** What a call ends with. */
const outcomeOf = async (call: () => unknown): Promise<unknown> => {
  try {
    return await call();
  } catch (error) {
    return error;
  }
};

const desks = [
  ["memory", memoryDesk],
  ["Postgres", postgresDesk],
] as const;

describe.each(desks)("a savepoint that nobody waits for, on %s,", (_, open) => {
  /** A savepoint that stops half way, and comes to its end as told when the test says so. */
  function slowSavepoint(desk: Desk, ending: "kept" | "undone") {
    const half = gate();
    const rest = gate();
    const work = async (inner: Tx): Promise<void> => {
      await leave(desk, inner, "in first");
      half.open();
      await rest.opened;
      await leave(desk, inner, "in last");
      if (ending === "undone") throw new Error("never mind");
    };
    return {
      work,
      half: half.opened,
      finish: () => rest.open(),
      /** Lets a transaction that does not wait for it come to its end; one that waits is at work all the same. */
      async expectWaitedFor(transaction: Promise<unknown>): Promise<void> {
        const over = outcomeOf(() => transaction).then(() => "over");
        await Promise.race([half.opened, over]);
        expect(await Promise.race([over, pause(150, "waits")])).toBe("waits");
      },
    };
  }

  it.each([
    ["kept", ["in first", "in last"]],
    ["undone", []],
  ] as const)("is %s as a whole, and the transaction commits after it (G1)", async (ending, stands) => {
    const desk = await open();
    const savepoint = slowSavepoint(desk, ending);
    const result = desk.transaction(async (tx) => {
      await leave(desk, tx, "before");
      void outcomeOf(() => tx.savepoint(savepoint.work));
      await savepoint.half;
    });
    await savepoint.expectWaitedFor(result);
    savepoint.finish();
    expect(idsOf(await result)).toEqual(["before", ...stands].map((name) => `task ${name}`));
    expect(await desk.standing()).toEqual(ofAll("before", ...stands));
  });

  it("is waited for by a rollback too, and ends without an error of its own (G1)", async () => {
    const desk = await open();
    const savepoint = slowSavepoint(desk, "kept");
    let ended: Promise<unknown> = Promise.resolve("not begun");
    const result = desk.transaction(async (tx) => {
      ended = outcomeOf(() => tx.savepoint(savepoint.work));
      await savepoint.half;
      throw new Error("declined");
    });
    await savepoint.expectWaitedFor(result);
    savepoint.finish();
    await expect(result).rejects.toThrow("declined");
    expect([await ended, await desk.standing()]).toEqual([undefined, []]);
  });

  it.each([
    ["kept", "kept", ["in first", "in last", "out"]],
    ["undone", "kept", ["out"]],
    ["kept", "undone", []],
  ] as const)("is %s inside another that is %s, which ends after it (G1)", async (inner, outer, stands) => {
    const desk = await open();
    const savepoint = slowSavepoint(desk, inner);
    const result = desk.transaction((tx) => {
      const work = async (within: Tx): Promise<void> => {
        await leave(desk, within, "out");
        void outcomeOf(() => within.savepoint(savepoint.work));
        await savepoint.half;
        if (outer === "undone") throw new Error("never mind");
      };
      void outcomeOf(() => tx.savepoint(work));
    });
    await savepoint.expectWaitedFor(result);
    savepoint.finish();
    expect([...idsOf(await result)].sort()).toEqual(stands.map((name) => `task ${name}`).sort());
    expect(await desk.standing()).toEqual(ofAll(...stands));
  });

  it("is waited for when it begins in what another one's end has let go on (G1)", async () => {
    const desk = await open();
    const result = await desk.transaction((tx) => {
      void (async () => {
        await tx.savepoint((inner) => leave(desk, inner, "one"));
        await tx.savepoint((inner) => leave(desk, inner, "two"));
      })();
    });
    expect(idsOf(result)).toEqual(["task one", "task two"]);
    expect(await desk.standing()).toEqual(ofAll("one", "two"));
  });
});

describe.each(desks)("a second savepoint of the same tx, on %s,", (_, open) => {
  const refusal = { code: "OWED_INVALID_INPUT", field: "tx" };

  it("is refused while the first is under way, which is not touched by it (G1)", async () => {
    const desk = await open();
    const result = await desk.transaction(async (tx) => {
      const [first, second] = await Promise.allSettled([
        tx.savepoint((inner) => leave(desk, inner, "one")),
        tx.savepoint(async (inner) => {
          await leave(desk, inner, "two");
          throw new Error("never mind");
        }),
      ]);
      expect(first.status).toBe("fulfilled");
      expect(second).toMatchObject({ status: "rejected", reason: refusal });
      await tx.savepoint((inner) => leave(desk, inner, "three"));
    });
    expect(idsOf(result)).toEqual(["task one", "task three"]);
    expect(await desk.standing()).toEqual(ofAll("one", "three"));
  });

  it("is refused inside the first as well, and does not wait for it for ever", async () => {
    const desk = await open();
    const { value } = await desk.transaction((tx) =>
      tx.savepoint(() => outcomeOf(() => tx.savepoint((inner) => leave(desk, inner, "in")))),
    );
    expect(value).toBeInstanceOf(InvalidInputError);
    expect(value).toMatchObject(refusal);
    expect(await desk.standing()).toEqual([]);
  });
});

describe.each(desks)("a tx on %s that is used too late", (_, open) => {
  const lateCalls = (desk: Desk, tx: Tx): readonly (() => unknown)[] => [
    () => desk.write(tx, "late row"),
    () => tx.enqueue(job, {}, { taskId: "late" }),
    () => tx.enqueueAll(job, [{ data: {}, taskId: "late" }]),
    () => tx.savepoint((inner) => leave(desk, inner, "late")),
  ];

  async function expectRefused(desk: Desk, tx: Tx | null, place: string): Promise<void> {
    if (tx === null) throw new Error("the callback has not run");
    for (const call of lateCalls(desk, tx)) {
      // Rejected, not thrown: `tx.enqueue(...).catch(...)` hears of it.
      const error = await (call() as Promise<unknown>).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(NotATransactionError);
      expect((error as Error).message).toContain(`this ${place} has ended`);
    }
  }

  it.each(["committed", "rolled back"])("after it was %s is refused, and nothing is written", async (end) => {
    const desk = await open();
    let held: Tx | null = null;
    const result = desk.transaction(async (tx) => {
      held = tx;
      if (end === "rolled back") throw new Error("declined");
    });
    await outcomeOf(() => result);
    await expectRefused(desk, held, "transaction");
    expect(await desk.standing()).toEqual([]);
  });

  it("after its savepoint was rolled back is refused, and nothing lands in the transaction around it (G1)", async () => {
    const desk = await open();
    const { receipts } = await desk.transaction(async (tx) => {
      let held: Tx | null = null;
      await outcomeOf(() =>
        tx.savepoint(async (inner) => {
          held = inner;
          throw new Error("never mind");
        }),
      );
      await expectRefused(desk, held, "savepoint");
    });
    expect([receipts, await desk.standing()]).toEqual([[], []]);
  });

  it("has its enqueues in time or refused, whenever between its last call and COMMIT they come (G1)", async () => {
    const desk = await open();
    for (let turns = 0; turns < 40; turns += 1) {
      const taskId = `late by ${turns}`;
      let late: Promise<unknown> = Promise.resolve();
      const result = await desk.transaction(async (tx) => {
        await leave(desk, tx, `${turns}`);
        late = outcomeOf(async () => {
          for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
          return await tx.enqueue(job, {}, { taskId });
        });
      });
      const stands = (await desk.standing()).includes(taskId);
      expect([taskId, idsOf(result).includes(taskId)]).toEqual([taskId, stands]);
      if (stands) expect(await late).toEqual({ taskId });
      else expect(await late).toBeInstanceOf(NotATransactionError);
    }
  });
});

describe("an error of a savepoint that nobody waits for", () => {
  it("is left to Node, as that of any promise, and undoes the savepoint alone", async () => {
    const desk = await memoryDesk();
    const listeners = process.listeners("unhandledRejection");
    const unhandled = gate();
    const told: unknown[] = [];
    process.removeAllListeners("unhandledRejection");
    process.once("unhandledRejection", (error) => {
      told.push(error);
      unhandled.open();
    });
    try {
      const result = await desk.transaction(async (tx) => {
        await leave(desk, tx, "out");
        void tx.savepoint(async (inner) => {
          await leave(desk, inner, "in");
          await pause(20); // the transaction waits for the savepoint by now
          throw new Error("never mind");
        });
      });
      await unhandled.opened;
      expect([idsOf(result), told]).toEqual([["task out"], [new Error("never mind")]]);
    } finally {
      process.removeAllListeners("unhandledRejection");
      for (const listener of listeners) process.on("unhandledRejection", listener);
    }
    expect(await desk.standing()).toEqual(ofAll("out"));
  });
});
