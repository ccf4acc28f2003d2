// Planted bugs of enqueuing: atomicity, duplicates, integrity, due times.
import type { PlantedBug } from "./planted-bug.ts";

export const enqueueBugs: readonly PlantedBug[] = [
  {
    bug: "insert commits on a connection of its own",
    brokenLaw: "a task of a rolled-back transaction is never claimed",
    plant: (sound) => ({
      async insert(_transaction, tasks, birth, call) {
        const own = await sound.begin();
        const answer = await sound.insert(own.transaction, tasks, birth, call);
        await own.commit();
        return answer;
      },
    }),
  },
  {
    bug: "a born claim is visible while it is uncommitted",
    brokenLaw: "a born claim of an open transaction is open",
    plant: (sound) => ({
      async readCommitted(claims, call) {
        const answer = await sound.readCommitted(claims, call);
        return answer.map((standing) => (standing === "open" ? "committed" : standing));
      },
    }),
  },
  {
    bug: "a born claim of an open transaction is forgotten",
    brokenLaw: "a born claim of an open transaction is open",
    plant: (sound) => ({
      async readCommitted(claims, call) {
        const answer = await sound.readCommitted(claims, call);
        return answer.map((standing) => (standing === "open" ? "gone" : standing));
      },
    }),
  },
  {
    bug: "born claims are answered in another order",
    brokenLaw: "born claims are read in the order given",
    plant: (sound) => ({
      readCommitted: async (claims, call) => [...(await sound.readCommitted(claims, call))].sort(),
    }),
  },
  {
    bug: "every task of a call with a birth claim is born claimed",
    brokenLaw: "only the tasks that ask for it are born claimed",
    plant: (sound) => ({
      insert: (transaction, tasks, birth, call) =>
        sound.insert(
          transaction,
          tasks.map((task) => ({ ...task, bornClaimed: true })),
          birth,
          call,
        ),
    }),
  },
  {
    bug: "an isolation level that is none is taken for the default",
    brokenLaw: "an isolation level that is none is refused before anything is begun",
    plant: (sound) => ({ begin: () => sound.begin() }),
  },
  {
    bug: "a savepoint does not roll back",
    brokenLaw: "nested savepoints each roll back to where they were set",
    plant: () => ({ savepoint: async () => ({ rollback() {}, release() {} }) }),
  },
  {
    bug: "duplicates are not compared",
    brokenLaw: "a duplicate of other data is different",
    plant: (sound) => ({
      resolveDuplicates: (transaction, missing, ...rest) =>
        sound.resolveDuplicates(
          transaction,
          missing.map((task) => ({ ...task, onDuplicate: "keep" })),
          ...rest,
        ),
    }),
  },
  {
    bug: "a conflict leaves what its call inserted",
    brokenLaw: "a conflict undoes what its call inserted and leaves the transaction usable",
    plant: (sound) => ({
      resolveDuplicates: (transaction, missing, birth, _createdIds, call) =>
        sound.resolveDuplicates(transaction, missing, birth, [], call),
    }),
  },
  {
    bug: "a duplicate aborts the transaction",
    brokenLaw: "a task that stands is missing from the answer of insert, and the new ones are not",
    throws: "duplicate key",
    plant: (sound) => ({
      async insert(transaction, tasks, birth, call) {
        const answer = await sound.insert(transaction, tasks, birth, call);
        if (answer.created.length < tasks.length) throw new Error("duplicate key");
        return answer;
      },
    }),
  },
  {
    bug: "an original that vanished is taken to stand",
    brokenLaw: "an original that vanished before it was compared is inserted after all",
    plant: () => ({
      resolveDuplicates: async (_transaction, missing) =>
        missing.map(({ taskId }) => ({ taskId, verdict: "same", id: "1" })),
    }),
  },
  {
    bug: "data passes through a text column",
    brokenLaw: "data comes back to the byte",
    plant: (sound) => ({
      insert: (transaction, tasks, birth, call) =>
        sound.insert(
          transaction,
          tasks.map((task) => ({ ...task, data: Buffer.from(new TextDecoder().decode(task.data)) })),
          birth,
          call,
        ),
    }),
  },
  {
    bug: "an empty reference reads as none",
    brokenLaw: "what is empty stays apart from what is missing",
    plant: (sound) => ({
      insert: (transaction, tasks, birth, call) =>
        sound.insert(
          transaction,
          tasks.map((task) => ({ ...task, referenceId: task.referenceId || null })),
          birth,
          call,
        ),
    }),
  },
  {
    bug: "taskIds are trimmed",
    brokenLaw: "taskIds that differ in case, blanks or composition are different tasks",
    plant: (sound) => ({ get: (taskId, call) => sound.get(taskId.trim(), call) }),
  },
  {
    bug: "the delay of a task is ignored",
    brokenLaw: "a delayed task is not claimed before its time",
    plant: (sound) => ({
      insert: (transaction, tasks, birth, call) =>
        sound.insert(
          transaction,
          tasks.map((task) => ({ ...task, delayMs: 0 })),
          birth,
          call,
        ),
    }),
  },
  {
    bug: "the instant of a task is ignored",
    brokenLaw: "a task with an instant is due at it, whatever its delay",
    plant: (sound) => ({
      insert: (transaction, tasks, birth, call) =>
        sound.insert(
          transaction,
          tasks.map((task) => ({ ...task, dueAtMs: null })),
          birth,
          call,
        ),
    }),
  },
  {
    bug: "an instant in the past is kept as it is",
    brokenLaw: "an instant in the past counts as now and overtakes nobody",
    plant: (sound) => ({
      insert: (transaction, tasks, birth, call) =>
        sound.insert(
          transaction,
          tasks,
          birth,
          tasks.some(({ dueAtMs }) => dueAtMs !== null) ? { now: 0 } : call,
        ),
    }),
  },
  {
    bug: "data is kept by reference",
    brokenLaw: "a task that stands does not change with the caller's memory",
    plant: (sound) => {
      const given = new Map<string, Uint8Array>();
      return {
        async insert(transaction, tasks, birth, call) {
          for (const { taskId, data } of tasks) given.set(taskId, data);
          return sound.insert(transaction, tasks, birth, call);
        },
        async get(taskId, call) {
          const task = await sound.get(taskId, call);
          return task === null ? null : { ...task, data: given.get(taskId) ?? task.data };
        },
      };
    },
  },
  {
    bug: "anything passes as a transaction",
    brokenLaw: "what is no transaction does not pass as one",
    plant: () => ({ assertTransaction() {} }),
  },
  {
    bug: "a second migration fails",
    brokenLaw: "migrating again changes nothing",
    throws: "relation exists already",
    plant: () => ({ migrate: () => Promise.reject(new Error("relation exists already")) }),
  },
];
