// Planted bugs of claiming and of the process registry.
import type { ClaimRequest } from "../../src/store/contract.ts";
import type { MemoryLike, PlantedBug } from "./planted-bug.ts";

/** A claim with some bounds of the request replaced. */
function claimWith(change: (request: ClaimRequest) => Partial<ClaimRequest>): PlantedBug["plant"] {
  return (sound) => ({ claim: (request, call) => sound.claim({ ...request, ...change(request) }, call) });
}

const unboundedTypes = ({ types }: ClaimRequest): Partial<ClaimRequest> => ({
  types: types === "all" ? types : types.map(({ type }) => ({ type, limit: 1_000 })),
});

export const claimBugs: readonly PlantedBug[] = [
  {
    bug: "suspects are unlimited",
    brokenLaw: "a claim takes no more suspects than asked for",
    plant: claimWith(() => ({ suspectLimit: Number.POSITIVE_INFINITY })),
  },
  {
    bug: "suspects in front end the claim",
    brokenLaw: "suspects never hide the tasks behind them",
    plant: (sound) => ({
      async claim(request, call) {
        const answer = await sound.claim({ ...request, suspectLimit: 1_000 }, call);
        const suspects = answer.tasks.filter(({ lostAttempts }) => lostAttempts > 0);
        const excess = new Set(suspects.slice(request.suspectLimit));
        return { ...answer, tasks: answer.tasks.filter((task) => !excess.has(task)) };
      },
    }),
  },
  {
    bug: "a loss is not counted",
    brokenLaw: "a task of a dead process is counted lost once, with an attempt to show it",
    plant: (sound) => ({
      async claim(request, call) {
        const answer = await sound.claim(request, call);
        return { ...answer, tasks: answer.tasks.map((task) => ({ ...task, lostAttempts: 0 })) };
      },
    }),
  },
  {
    bug: "a task lost twice is claimed among others",
    brokenLaw: "a task lost twice is set aside, with backoff, and not claimed among others",
    plant: (sound) => ({
      async claim(request, call) {
        const answer = await sound.claim(request, call);
        if (!answer.aloneDue) return answer;
        const alone = await sound.claim({ ...request, alone: true, liveClaims: [request.claim] }, call);
        return { ...answer, tasks: [...answer.tasks, ...alone.tasks] };
      },
    }),
  },
  {
    bug: "nobody is told that a task waits to be claimed alone",
    brokenLaw: "a task lost twice is set aside, with backoff, and not claimed among others",
    plant: (sound) => ({
      claim: async (request, call) => ({ ...(await sound.claim(request, call)), aloneDue: false }),
    }),
  },
  {
    bug: "a claim alone is a claim like any other",
    brokenLaw: "a task lost twice is claimed alone once its delay is over",
    plant: claimWith(() => ({ alone: false })),
  },
  {
    bug: "a claim whose answer was lost holds its tasks for ever",
    brokenLaw: "a claim whose answer was lost is claimed anew without cost",
    plant: claimWith(() => ({ liveClaims: Array.from({ length: 100 }, (_, number) => number) })),
  },
  {
    bug: "a process may claim what it holds already",
    brokenLaw: "a task under a live claim of its own process is not claimed again",
    plant: claimWith(() => ({ liveClaims: [] })),
  },
  {
    bug: "a claim steals from the living",
    brokenLaw: "a task held by a live process is claimed by nobody else",
    plant: (sound) => ({
      async claim(request, call) {
        await freeAll(sound);
        return sound.claim(request, call);
      },
    }),
  },
  {
    bug: "a claim by id steals from the living",
    brokenLaw: "a named task that another live process holds is not claimed",
    plant: (sound) => ({
      async claimById(request, call) {
        await freeAll(sound);
        return sound.claimById(request, call);
      },
    }),
  },
  {
    bug: "a claim by id takes what must be claimed alone",
    brokenLaw: "a named task that was lost twice is left alone",
    plant: (sound) => ({
      async claimById(request, call) {
        const claimed = await sound.claimById(request, call);
        const bounds = { limit: 1, maxBytes: 1_000, suspectLimit: 0, alone: true, types: "all" as const };
        return claimed.length > 0 ? claimed : (await sound.claim({ ...request, ...bounds }, call)).tasks;
      },
    }),
  },
  {
    bug: "a loss counts as a failed attempt",
    brokenLaw: "a loss is not a failed attempt, and a failed attempt is no loss",
    plant: (sound) => ({
      async get(taskId, call) {
        const task = await sound.get(taskId, call);
        return task === null ? null : { ...task, failedAttempts: task.failedAttempts + task.lostAttempts };
      },
    }),
  },
  {
    bug: "a heartbeat lists its own process",
    brokenLaw: "a heartbeat lists all others and not itself",
    plant: (sound) => ({
      async beat(owner, dead, call) {
        const answer = await sound.beat(owner, dead, call);
        return { ...answer, others: [...answer.others, { owner, beats: 1, leaseMs: 15_000 }] };
      },
    }),
  },
  {
    bug: "the limit of a claim is not kept",
    brokenLaw: "a claim takes no more than its limit, the longest due over all types",
    plant: claimWith(() => ({ limit: 1_000 })),
  },
  {
    bug: "the limits per type are not kept",
    brokenLaw: "a claim takes no more of a type than that type's limit",
    plant: claimWith(unboundedTypes),
  },
  {
    bug: "tasks of any type are claimed",
    brokenLaw: "a task of a type that was not asked for is never claimed",
    plant: claimWith(() => ({ types: "all" })),
  },
  {
    bug: "the size of data is not looked at",
    brokenLaw: "a claim hands over no more bytes than asked for",
    plant: claimWith(() => ({ maxBytes: Number.POSITIVE_INFINITY })),
  },
  {
    bug: "a task that is too large is never handed over",
    brokenLaw: "the first task is handed over whatever its size",
    plant: (sound) => ({
      async claim(request, call) {
        const answer = await sound.claim(request, call);
        const fitting = answer.tasks.filter(({ data }) => data.byteLength <= request.maxBytes);
        return { ...answer, tasks: fitting };
      },
    }),
  },
  {
    bug: "the youngest are handed over first",
    brokenLaw: "due tasks are claimed in due order, not in the order of their arrival",
    plant: (sound) => ({
      async claim(request, call) {
        const answer = await sound.claim(request, call);
        return { ...answer, tasks: answer.tasks.toReversed() };
      },
    }),
  },
  {
    bug: "a claim by id does not look at the time",
    brokenLaw: "a named task that is not due is not claimed",
    plant: (sound) => ({
      claimById: (request, call) =>
        sound.claimById(request, call?.now === undefined ? call : { now: call.now + 60_000 }),
    }),
  },
  {
    bug: "a claim by id does not look at the type",
    brokenLaw: "a named task of another type is not claimed",
    plant: (sound) => ({
      claimById: (request, call) => sound.claimById({ ...request, types: "all" }, call),
    }),
  },
  {
    bug: "a heartbeat removes a process whose heartbeat changed",
    brokenLaw: "a process whose heartbeat has changed is not declared dead",
    plant: (sound) => ({
      async beat(owner, dead, call) {
        const { others } = await sound.beat(owner, [], call);
        const accused = new Set(dead.map((process) => process.owner));
        return sound.beat(
          owner,
          others.filter((process) => accused.has(process.owner)),
          call,
        );
      },
    }),
  },
  {
    bug: "a heartbeat follows the clock and not a count",
    brokenLaw: "every heartbeat of a process is seen by the others as a change",
    plant: (sound) => ({
      async beat(owner, dead, call) {
        const answer = await sound.beat(owner, dead, call);
        return { ...answer, others: answer.others.map((process) => ({ ...process, beats: call?.now ?? 0 })) };
      },
    }),
  },
  {
    bug: "a process that was removed is not told",
    brokenLaw: "a process that is not registered any more learns it and removes nobody",
    plant: (sound) => ({
      beat: async (owner, dead, call) => ({ ...(await sound.beat(owner, dead, call)), alive: true }),
    }),
  },
  {
    bug: "a heartbeat registers the process anew",
    brokenLaw: "a heartbeat does not bring a removed process back",
    plant: revivingBeat,
  },
  {
    bug: "the dead are never removed",
    brokenLaw: "the tasks of a process are free once it is declared dead, and not before",
    plant: (sound) => ({ beat: (owner, _dead, call) => sound.beat(owner, [], call) }),
  },
  {
    bug: "the dead may claim",
    brokenLaw: "a process that is not registered claims nothing",
    plant: (sound) => ({
      async claim(request, call) {
        const { owner } = request;
        await sound.register({ owner, host: "host", pid: 1, types: "all", slots: 1, leaseMs: 15_000 }, call);
        return sound.claim(request, call);
      },
    }),
  },
  {
    bug: "the own heartbeats are not counted",
    brokenLaw: "heartbeats of a process only go up, and the era stays while the database does",
    plant: (sound) => ({
      beat: async (owner, dead, call) => ({ ...(await sound.beat(owner, dead, call)), beats: 1 }),
    }),
  },
  {
    bug: "each heartbeat is an era of its own",
    brokenLaw: "heartbeats of a process only go up, and the era stays while the database does",
    plant: (sound) => ({
      async beat(owner, dead, call) {
        const answer = await sound.beat(owner, dead, call);
        return { ...answer, era: String(answer.beats) };
      },
    }),
  },
  {
    bug: "live claims are freed with the ended ones",
    brokenLaw: "what a process holds under ended claims is freed, and nothing else",
    plant: (sound) => ({
      freeEndedClaims: (request, call) => sound.freeEndedClaims({ ...request, liveClaims: [] }, call),
    }),
  },
  {
    bug: "ended claims are never freed",
    brokenLaw: "freeing ended claims costs a task nothing, and it is due at once",
    plant: () => ({ freeEndedClaims: async () => ({ left: 0, next: null }) }),
  },
  {
    bug: "a heartbeat frees the tasks of the dead itself, at no cost",
    brokenLaw: "the tasks of a process are free once it is declared dead, and not before",
    plant: (sound) => ({
      async beat(owner, dead, call) {
        const answer = await sound.beat(owner, dead, call);
        if (answer.declaredDead.length > 0) await sound.cancel("held", call);
        if (answer.declaredDead.length > 0) await sound.redrive("held", call);
        return answer;
      },
    }),
  },
];

/** Takes every claim off, as a store would that does not look at who holds a task. */
async function freeAll(sound: MemoryLike): Promise<void> {
  const { tasks } = await sound.list({ state: "pending", limit: 1_000, order: "ascending" });
  for (const { taskId } of tasks) {
    await sound.cancel(taskId, { now: 0 });
    await sound.redrive(taskId, { now: 0 });
  }
}

function revivingBeat(sound: MemoryLike): Partial<MemoryLike> {
  return {
    async beat(owner, dead, call) {
      const answer = await sound.beat(owner, dead, call);
      if (answer.alive) return answer;
      await sound.register({ owner, host: "host", pid: 1, types: "all", slots: 1, leaseMs: 15_000 }, call);
      return sound.beat(owner, dead, call);
    },
  };
}
