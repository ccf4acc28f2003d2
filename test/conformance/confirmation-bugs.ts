// Planted bugs of confirmation inside callers' transactions.
import type { ConfirmationStanding, HeldTask } from "../../src/store/contract.ts";
import type { MemoryLike, PlantedBug } from "./planted-bug.ts";

/** Settles a success, as if it had come from a batch. */
async function settled(sound: MemoryLike, task: HeldTask): Promise<boolean> {
  const [answer] = await sound.settle([{ ...task, kind: "confirm", durationMs: 1 }]);
  return answer?.state === "confirmed";
}

/** Reads after changing each answer. */
function reading(change: (standing: ConfirmationStanding) => ConfirmationStanding): PlantedBug["plant"] {
  return (sound) => ({
    readConfirmations: async (tasks) => (await sound.readConfirmations(tasks)).map(change),
  });
}

export const confirmationBugs: readonly PlantedBug[] = [
  {
    bug: "a task is confirmed beside the transaction",
    brokenLaw: "a confirmation in a rolled-back transaction leaves the claim as it was",
    plant: (sound) => ({ confirmWithin: (_, task) => settled(sound, task) }),
  },
  {
    bug: "a savepoint does not undo a confirmation",
    brokenLaw: "a confirmation in a rolled-back savepoint is undone with it",
    plant: (sound) => ({
      savepoint: async (transaction) => ({
        ...(await sound.savepoint(transaction)),
        rollback: () => undefined,
      }),
    }),
  },
  {
    bug: "a confirmation under a superseded claim counts as a late success",
    brokenLaw: "a success inside a transaction is never late",
    plant: (sound) => ({
      confirmWithin: async (transaction, task, call) =>
        (await sound.confirmWithin(transaction, task, call)) || (await settled(sound, task)),
    }),
  },
  {
    bug: "a confirmation does not look whose claim stands",
    brokenLaw: "a transaction cannot confirm under a claim that another has taken",
    plant: (sound) => ({
      async confirmWithin(transaction, task, call) {
        const { owner } = (await sound.get(task.taskId)) ?? {};
        const token = { ...task.token, owner: owner ?? task.token.owner };
        return await sound.confirmWithin(transaction, { ...task, token }, call);
      },
    }),
  },
  {
    bug: "an open transaction counts as rolled back",
    brokenLaw: "a confirmation is open for as long as its transaction is",
    plant: reading((standing) => (standing === "open" ? "held" : standing)),
  },
  {
    bug: "what is not confirmed counts as lost",
    brokenLaw: "a confirmation in a rolled-back transaction leaves the claim as it was",
    plant: reading((standing) => (standing === "held" ? "lost" : standing)),
  },
  {
    bug: "a settlement does not wait for the transaction that has confirmed its task",
    brokenLaw: "nobody settles a task that an open transaction has confirmed",
    plant: (sound) => ({
      settle: async (settlements, call) =>
        (await sound.settle(settlements, call)).map((answer) =>
          answer.verdict === "busy" ? { ...answer, verdict: "applied" } : answer,
        ),
    }),
  },
];
