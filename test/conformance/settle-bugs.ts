// Planted bugs of settling: tokens, generations, counters, repetition.
import { StoreRefusedError } from "../../src/errors.ts";
import type { Settlement, StoreCall } from "../../src/store/contract.ts";
import type { Token } from "../../src/task/task.ts";
import type { MemoryLike, PlantedBug } from "./planted-bug.ts";

/** Settles after changing each settlement. */
function settleWith(change: (settlement: Settlement) => Settlement): PlantedBug["plant"] {
  return (sound) => ({
    settle: (settlements, call) => sound.settle(settlements.map(change), call),
  });
}

/** Settles with the token that `tokenOf` picks, knowing the latest token handed out for each task. */
function settleUnder(
  tokenOf: (settlement: Settlement, latest: Token | undefined) => Token | undefined,
): PlantedBug["plant"] {
  return (sound) => {
    const latest = new Map<string, Token>();
    return {
      async claim(request, call) {
        const answer = await sound.claim(request, call);
        for (const { id, token } of answer.tasks) latest.set(id, token);
        return answer;
      },
      settle: (settlements, call) =>
        sound.settle(
          settlements.map((settlement) => ({
            ...settlement,
            token: tokenOf(settlement, latest.get(settlement.id)) ?? settlement.token,
          })),
          call,
        ),
    };
  };
}

/** Hides every generation but the first: what a store without generations would do. */
function withoutGenerations(sound: MemoryLike): Partial<MemoryLike> {
  const hidden = new Map<string, number>();
  return {
    async claim(request, call) {
      const answer = await sound.claim(request, call);
      for (const { id, token } of answer.tasks) hidden.set(id, token.generation);
      const tasks = answer.tasks.map((task) => ({ ...task, token: { ...task.token, generation: 0 } }));
      return { ...answer, tasks };
    },
    settle: (settlements, call) =>
      sound.settle(
        settlements.map((settlement) => {
          const generation = hidden.get(settlement.id) ?? 0;
          return { ...settlement, token: { ...settlement.token, generation } };
        }),
        call,
      ),
    async get(taskId, call) {
      const task = await sound.get(taskId, call);
      return task === null ? null : { ...task, generation: 0 };
    },
  };
}

/** A delay that no calendar reaches. */
const isBeyond = (settlement: Settlement): boolean =>
  settlement.kind === "retry" && settlement.delayMs > Number.MAX_SAFE_INTEGER;

/** Refuses such delays, with the error that `refuse` answers after it has done to the rest of the batch what it does. */
function refusing(
  refuse: (sound: MemoryLike, before: readonly Settlement[], call?: StoreCall) => Promise<Error>,
): PlantedBug["plant"] {
  return (sound) => ({
    async settle(settlements, call) {
      const place = settlements.findIndex(isBeyond);
      if (place < 0) return sound.settle(settlements, call);
      throw await refuse(sound, settlements.slice(0, place), call);
    },
  });
}

export const settleBugs: readonly PlantedBug[] = [
  {
    bug: "the token is not compared on failure",
    brokenLaw: "a late worker cannot fail a task that was claimed anew",
    plant: settleUnder(({ kind }, latest) => (kind === "fail" ? latest : undefined)),
  },
  {
    bug: "the token is not compared on release",
    brokenLaw: "a late worker cannot release a task that was claimed anew",
    plant: settleUnder(({ kind }, latest) => (kind === "release" ? latest : undefined)),
  },
  {
    bug: "only the owner of a token is compared",
    brokenLaw: "a token of another process, claim or generation cannot retry",
    plant: settleUnder(({ token }, latest) => (latest?.owner === token.owner ? latest : undefined)),
  },
  {
    bug: "only the number of a claim is compared",
    brokenLaw: "a token of another process, claim or generation cannot fail",
    plant: settleUnder(({ token }, latest) => (latest?.claim === token.claim ? latest : undefined)),
  },
  {
    bug: "a success of an older generation is accepted",
    brokenLaw: "a late success of an older generation is recorded and changes nothing",
    plant: settleWith((settlement) =>
      settlement.kind === "confirm"
        ? { ...settlement, token: { ...settlement.token, generation: settlement.token.generation + 1 } }
        : settlement,
    ),
  },
  {
    bug: "a redrive keeps the generation",
    brokenLaw: "a redriven task is due now in a new generation with its counters at zero",
    plant: withoutGenerations,
  },
  {
    bug: "a late success is refused",
    brokenLaw: "a late success confirms a task that was failed in the same generation",
    plant: (sound) => {
      const failed = new Set<string>();
      return {
        async settle(settlements, call) {
          const kept = settlements.filter(({ kind, id }) => !(kind === "confirm" && failed.has(id)));
          for (const { kind, id } of settlements) if (kind === "fail") failed.add(id);
          if (kept.length === settlements.length) return sound.settle(settlements, call);
          return settlements.map(() => ({ verdict: "refused", state: "failed" }));
        },
      };
    },
  },
  ...[
    "a success that comes after another has confirmed the task is recorded, once",
    "a success that comes after a late one of another process is recorded, once",
    "two claims of one process that both succeed confirm once, whichever comes first",
  ].map(
    (brokenLaw): PlantedBug => ({
      bug: `whoever succeeds is told that it confirmed (${brokenLaw})`,
      brokenLaw,
      plant: (sound) => ({
        async settle(settlements, call) {
          const answers = await sound.settle(settlements, call);
          return answers.map((answer) =>
            answer.state === "confirmed" && answer.verdict === "recorded"
              ? { ...answer, verdict: "applied" }
              : answer,
          );
        },
      }),
    }),
  ),
  {
    bug: "a release counts as a failure",
    brokenLaw: "a release costs nothing and shows as abandoned",
    plant: settleWith((settlement) => {
      if (settlement.kind !== "release") return settlement;
      const error = { name: "Error", message: "released", code: null, stack: null };
      return { ...settlement, kind: "retry", counted: "failed", delayMs: 0, error };
    }),
  },
  {
    bug: "a deferral counts as a failure",
    brokenLaw: "a deferral is counted apart from failures",
    plant: settleWith((settlement) =>
      settlement.kind === "retry" ? { ...settlement, counted: "failed" } : settlement,
    ),
  },
  {
    bug: "every failure counts as an attempt",
    brokenLaw: "a failure that no attempt caused is not counted as an attempt",
    plant: settleWith((settlement) =>
      settlement.kind === "fail" ? { ...settlement, counted: true } : settlement,
    ),
  },
  {
    bug: "the delay of a retry is ignored",
    brokenLaw: "a retry is due its delay after the settling",
    plant: settleWith((settlement) =>
      settlement.kind === "retry" ? { ...settlement, delayMs: 0 } : settlement,
    ),
  },
  {
    bug: "the reason of a failure is not kept",
    brokenLaw: "every reason of failure is kept",
    plant: settleWith((settlement) =>
      settlement.kind === "fail" ? { ...settlement, reason: "attempts-exhausted" } : settlement,
    ),
  },
  {
    bug: "errors lose their stack",
    brokenLaw: "the errors of attempts are kept as given",
    plant: settleWith((settlement) =>
      "error" in settlement ? { ...settlement, error: { ...settlement.error, stack: null } } : settlement,
    ),
  },
  {
    bug: "a repeated failure is refused",
    brokenLaw: "repeating a failed attempt is answered as applied and changes nothing",
    plant: (sound) => {
      const seen = new Set<string>();
      return {
        async settle(settlements, call) {
          const answers = await sound.settle(settlements, call);
          return answers.map((answer, index) => {
            const key = JSON.stringify(settlements[index]);
            if (seen.has(key)) return { ...answer, verdict: "refused" };
            seen.add(key);
            return answer;
          });
        },
      };
    },
  },
  {
    bug: "a batch is answered in another order",
    brokenLaw: "a batch mixes outcomes and is answered in its order",
    plant: (sound) => ({
      settle: async (settlements, call) => (await sound.settle(settlements, call)).toReversed(),
    }),
  },
  {
    bug: "a refused value is told as anything",
    brokenLaw: "a value that the store refuses is told as refused, and costs the rest of its batch nothing",
    plant: refusing(async () => new RangeError("out of range")),
  },
  {
    bug: "what stands before a refused value is written all the same",
    brokenLaw: "a value that the store refuses is told as refused, and costs the rest of its batch nothing",
    plant: refusing(async (sound, before, call) => {
      await sound.settle(before, call);
      return new StoreRefusedError("out of range");
    }),
  },
  {
    bug: "a batch with a value that cannot be kept is answered and forgotten",
    brokenLaw: "a value that the store refuses is told as refused, and costs the rest of its batch nothing",
    plant: (sound) => {
      const isLost = new Set<string>();
      return {
        async settle(settlements, call) {
          if (settlements.some(isBeyond)) for (const { id } of settlements) isLost.add(id);
          const written = await sound.settle(
            settlements.filter(({ id }) => !isLost.has(id)),
            call,
          );
          return isLost.size === 0
            ? written
            : settlements.map(() => ({ verdict: "applied", state: "pending" }));
        },
      };
    },
  },
  {
    bug: "an unknown task refuses the whole batch",
    brokenLaw: "an unknown task in a batch harms nobody",
    throws: "no such task",
    plant: (sound) => ({
      async settle(settlements, call) {
        if (settlements.some(({ id }) => Number(id) > 1_000_000)) throw new Error("no such task");
        return sound.settle(settlements, call);
      },
    }),
  },
];
