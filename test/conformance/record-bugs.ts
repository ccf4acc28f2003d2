// Planted bugs of what is kept of what happened: deletions, acts, roll-ups.
import type { Act, RollUp, TimedRollUp } from "../../src/store/contract.ts";
import { addRollUps } from "../../src/store/roll-up.ts";
import type { MemoryLike, PlantedBug } from "./planted-bug.ts";

/** Changes what is put on record by an operation, by recording it as something else afterwards. */
function misrecords(change: (act: Act) => Partial<Act>): PlantedBug["plant"] {
  return (sound) => ({
    async acts(request, call) {
      const page = await sound.acts(request, call);
      return { ...page, acts: page.acts.map((act) => ({ ...act, ...change(act) })) };
    },
  });
}

/** Records each roll-up as something else. */
function records(change: (given: RollUp) => RollUp): PlantedBug["plant"] {
  return (sound) => ({ recordRollUps: (given, call) => sound.recordRollUps(given.map(change), call) });
}

/** Answers other roll-ups than there are. */
function reads(change: (found: readonly TimedRollUp[]) => readonly TimedRollUp[]): PlantedBug["plant"] {
  return (sound) => ({
    async rollUps(request, call) {
      const answer = await sound.rollUps(request, call);
      return { ...answer, rollUps: change(answer.rollUps) };
    },
  });
}

/** Folds by reading all minutes first and adding them up afterwards: of two at once both find the same. */
function foldsTwice(sound: MemoryLike): Partial<MemoryLike> {
  const folded: TimedRollUp[] = [];
  return {
    async foldRollUps(call) {
      const { rollUps } = await sound.rollUps({ spanMs: 1e12 }, call);
      await Promise.resolve();
      folded.push(...rollUps.slice(0, 1));
      return await sound.foldRollUps(call);
    },
    async rollUps(request, call) {
      const answer = await sound.rollUps(request, call);
      const [again] = folded;
      const twice = answer.rollUps.map((row) =>
        row.minutes === 60 && row.type === again?.type ? { ...row, ...addRollUps(row, again) } : row,
      );
      return { ...answer, rollUps: twice };
    },
  };
}

const deletionBugs: readonly PlantedBug[] = [
  {
    bug: "a deleted task is not counted",
    brokenLaw: "a failed or cancelled task is deleted, and counted as pruned",
    plant: (sound) => ({ balance: async (call) => ({ ...(await sound.balance(call)), pruned: 0 }) }),
  },
  {
    bug: "a deleted task is only hidden",
    brokenLaw: "a failed or cancelled task is deleted, and counted as pruned",
    plant: () => ({ delete: async () => ({ done: true }) }),
  },
  {
    bug: "pending tasks are deleted",
    brokenLaw: "a pending, confirmed or unknown task is not deleted",
    plant: (sound) => ({
      async delete(taskId, call) {
        await sound.cancel(taskId, call);
        return await sound.delete(taskId, call);
      },
    }),
  },
  {
    bug: "a deletion does not look at the generation that was seen",
    brokenLaw: "a deletion in a generation that is over is refused, and changes nothing",
    plant: (sound) => ({ delete: (taskId, call) => sound.delete(taskId, { now: call?.now }) }),
  },
  {
    bug: "every deletion is told as done",
    brokenLaw: "a task that is deleted twice at the same time is counted once",
    plant: (sound) => ({
      async delete(taskId, call) {
        await sound.delete(taskId, call);
        return { done: true };
      },
    }),
  },
  {
    bug: "a deleted task comes back with a late success",
    brokenLaw: "a late success of a deleted task changes nothing",
    plant: (sound) => ({
      delete: async () => ({ done: true }),
      settle: (settlements, call) => sound.settle(settlements, call),
    }),
  },
  {
    bug: "the story of a deleted task is found by its id again",
    brokenLaw: "the id of a deleted task is free again, and its story is gone",
    plant(sound) {
      const attempts = new Map<string, readonly object[]>();
      return {
        async delete(taskId, call) {
          const task = await sound.get(taskId, call);
          if (task !== null) attempts.set(taskId, task.attempts);
          return await sound.delete(taskId, call);
        },
        async get(taskId, call) {
          const task = await sound.get(taskId, call);
          const old = (attempts.get(taskId) ?? []) as NonNullable<typeof task>["attempts"]; // as they were read
          return task === null ? null : { ...task, attempts: [...old, ...task.attempts] };
        },
      };
    },
  },
];

const actBugs: readonly PlantedBug[] = [
  {
    bug: "an act does not tell why",
    brokenLaw: "an operation is on record with who, what, when, why, and what came of it",
    plant: misrecords(() => ({ reason: null })),
  },
  {
    bug: "an act is told at the time of the machine",
    brokenLaw: "an operation is on record with who, what, when, why, and what came of it",
    plant: misrecords(() => ({ at: new Date(0) })),
  },
  {
    bug: "an act tells the state after it",
    brokenLaw: "every operation is on record with the generation and the state before it",
    plant: misrecords(({ action }) => (action === "redrive" ? { state: "pending" } : {})),
  },
  {
    bug: "an act tells the generation after it",
    brokenLaw: "every operation is on record with the generation and the state before it",
    plant: misrecords(({ action, generation }) =>
      action === "redrive" ? { generation: (generation ?? 0) + 1 } : {},
    ),
  },
  {
    bug: "only what was done is on record",
    brokenLaw: "what was refused is on record with where the task stood",
    plant: (sound) => ({
      async acts(request, call) {
        const page = await sound.acts(request, call);
        return { ...page, acts: page.acts.filter(({ outcome }) => outcome === "done") };
      },
    }),
  },
  {
    bug: "an operation of nobody is on record",
    brokenLaw: "an operation of nobody in particular is not on record",
    plant: (sound) => ({
      cancel: (taskId, call) =>
        sound.cancel(taskId, { by: { actor: "nobody", via: "none", reason: null }, ...call }),
    }),
  },
  {
    bug: "a disclosure leaves nothing",
    brokenLaw: "what changes no task is put on record by itself",
    plant: () => ({ recordAct: async () => undefined }),
  },
  {
    bug: "acts are recorded before it is known what came of them",
    brokenLaw: "of two who do the same at the same time one is done, and the other on record as refused",
    plant: misrecords(() => ({ outcome: "done" })),
  },
  {
    bug: "acts of all people are listed for one",
    brokenLaw: "acts are read newest first, of all, of one task, or of one person",
    plant: (sound) => ({ acts: (request, call) => sound.acts({ ...request, actor: undefined }, call) }),
  },
  {
    bug: "acts of all tasks are listed for one",
    brokenLaw: "acts are read newest first, of all, of one task, or of one person",
    plant: (sound) => ({ acts: (request, call) => sound.acts({ ...request, taskId: undefined }, call) }),
  },
  {
    bug: "pages of acts are counted from the newest",
    brokenLaw: "pages of acts neither skip nor repeat while more come",
    plant: (sound) => ({
      async acts(request, call) {
        if (request.cursor === "x") return await sound.acts(request, call);
        await sound.acts(request, call); // refuses what it must
        const { acts } = await sound.acts({ ...request, cursor: undefined, limit: 1_000 }, call);
        const offset = Number(request.cursor ?? 0);
        const end = offset + request.limit;
        return { acts: acts.slice(offset, end), nextCursor: acts.length > end ? String(end) : null };
      },
    }),
  },
  {
    bug: "acts go with their task",
    brokenLaw: "acts outlive their task",
    plant: (sound) => ({
      async acts(request, call) {
        const { acts, nextCursor } = await sound.acts(request, call);
        const kept = await Promise.all(
          acts.map(async (act) => ((await sound.get(act.taskId, call)) === null ? [] : [act])),
        );
        return { acts: kept.flat(), nextCursor };
      },
    }),
  },
];

const rollUpBugs: readonly PlantedBug[] = [
  {
    bug: "the last roll-up of a minute takes the place of the others",
    brokenLaw: "roll-ups of one minute and type are added up, those of several processes too",
    plant: reads((found) => found.map((row) => ({ ...row, confirmed: 4 }))),
  },
  {
    bug: "a histogram is cut at the length of the first",
    brokenLaw: "roll-ups of one minute and type are added up, those of several processes too",
    plant: reads((found) => found.map((row) => ({ ...row, waits: row.waits.slice(0, 2) }))),
  },
  {
    bug: "the slowest is the last",
    brokenLaw: "roll-ups of one minute and type are added up, those of several processes too",
    plant: reads((found) => found.map((row) => ({ ...row, slowest: { taskId: "b", ms: 1 } }))),
  },
  {
    bug: "types are not told apart",
    brokenLaw: "roll-ups stand in the minute of the database's clock, each type by itself, oldest first",
    plant: records((given) => ({ ...given, type: "a" })),
  },
  {
    bug: "roll-ups stand in the minute of the machine's clock",
    brokenLaw: "roll-ups stand in the minute of the database's clock, each type by itself, oldest first",
    plant: (sound) => ({ recordRollUps: (given) => sound.recordRollUps(given) }),
  },
  {
    bug: "all roll-ups are read, however far back",
    brokenLaw: "roll-ups are read as far back as asked, of one type if asked",
    plant: (sound) => ({ rollUps: (request, call) => sound.rollUps({ ...request, spanMs: 1e12 }, call) }),
  },
  {
    bug: "roll-ups of all types are read",
    brokenLaw: "roll-ups are read as far back as asked, of one type if asked",
    plant: (sound) => ({ rollUps: (request, call) => sound.rollUps({ ...request, type: undefined }, call) }),
  },
  {
    bug: "names lose their quotes",
    brokenLaw: "names and long figures are kept as they are",
    plant: records((given) => ({ ...given, type: given.type.replaceAll('"', "") })),
  },
  {
    bug: "the failed attempts are lost as minutes are folded",
    brokenLaw:
      "the minutes of an hour that has been over for an hour are folded into one, and nothing is lost",
    plant: reads((found) => found.map((row) => (row.minutes === 60 ? { ...row, failed: 0 } : row))),
  },
  {
    bug: "minutes are folded as soon as their hour is over",
    brokenLaw:
      "the minutes of an hour that has been over for an hour are folded into one, and nothing is lost",
    plant: (sound) => ({ foldRollUps: (call) => sound.foldRollUps({ now: (call?.now ?? 0) + 3_600_000 }) }),
  },
  {
    bug: "two that fold at once both add the same minutes",
    brokenLaw: "processes that fold at the same time count nothing twice and lose nothing",
    plant: foldsTwice,
  },
  {
    bug: "hours are never forgotten",
    brokenLaw: "hours are forgotten after two days, so that roll-ups do not grow",
    plant: (sound) => ({
      async foldRollUps(call) {
        const { rollUps } = await sound.rollUps({ spanMs: 49 * 3_600_000 }, call);
        return rollUps.every(({ minutes }) => minutes === 60) ? 0 : await sound.foldRollUps(call);
      },
    }),
  },
];

export const recordBugs: readonly PlantedBug[] = [...deletionBugs, ...actBugs, ...rollUpBugs];
