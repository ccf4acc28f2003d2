// Planted bugs of what people do and read: cancel, erase, prune, pages, counts.
import type { TaskState } from "../../src/task/task.ts";
import type { MemoryLike, PlantedBug } from "./planted-bug.ts";

/** Prunes tasks of a state that must be kept, by ending them as cancelled long ago first. */
function pruneToo(state: TaskState): PlantedBug["plant"] {
  return (sound) => ({
    async prune(request, call) {
      const page = await sound.list({ state, limit: 100, order: "ascending" }, call);
      for (const { taskId } of page.tasks) {
        if (state === "failed") await sound.redrive(taskId, { now: 0 });
        await sound.cancel(taskId, { now: 0 });
      }
      return sound.prune(request, call);
    },
  });
}

/** Pages by counting rows from the start, so that rows which leave shift those behind them out of sight. */
function pagesByOffset(sound: MemoryLike): Partial<MemoryLike> {
  return {
    async list(request, call) {
      const offset = Number(request.cursor ?? 0);
      const { cursor: _, ...rest } = request;
      const { tasks } = await sound.list({ ...rest, limit: 1_000 }, call);
      const end = offset + request.limit;
      return { tasks: tasks.slice(offset, end), nextCursor: tasks.length > end ? String(end) : null };
    },
  };
}

export const operatorBugs: readonly PlantedBug[] = [
  {
    bug: "prune has no filter for failed tasks",
    brokenLaw: "pruning never touches pending or failed tasks",
    plant: pruneToo("failed"),
  },
  {
    bug: "prune has no filter for pending tasks",
    brokenLaw: "pruning never touches pending or failed tasks",
    plant: pruneToo("pending"),
  },
  {
    bug: "prune does not look at the age",
    brokenLaw: "pruning spares what was settled too recently",
    plant: (sound) => ({
      prune: (request, call) => sound.prune({ ...request, olderThanMs: Number.NEGATIVE_INFINITY }, call),
    }),
  },
  {
    bug: "prune does not keep its limit",
    brokenLaw: "pruning deletes no more than its limit at once, and all in the end",
    plant: (sound) => ({ prune: (request, call) => sound.prune({ ...request, limit: 1_000 }, call) }),
  },
  {
    bug: "pruned tasks are not counted",
    brokenLaw: "every task is accounted for in every state",
    plant: (sound) => ({ balance: async (call) => ({ ...(await sound.balance(call)), pruned: 0 }) }),
  },
  {
    bug: "confirmed is inferred from absence",
    brokenLaw: "pruning deletes no more than its limit at once, and all in the end",
    plant: (sound) => ({
      async balance(call) {
        const balance = await sound.balance(call);
        const { enqueued, pending, failed, cancelled } = balance;
        return { ...balance, confirmed: enqueued - pending - failed - cancelled };
      },
    }),
  },
  {
    bug: "a task under a claim cannot be cancelled",
    brokenLaw: "a task under a live claim can be cancelled",
    plant: (sound) => ({
      async cancel(taskId, call) {
        const task = await sound.get(taskId, call);
        return (task?.owner ?? null) === null
          ? sound.cancel(taskId, call)
          : { done: false, state: "pending" };
      },
    }),
  },
  {
    bug: "a confirmed task can be redriven",
    brokenLaw: "a pending, confirmed or unknown task is not redriven",
    plant: (sound) => ({
      async redrive(taskId, call) {
        const answer = await sound.redrive(taskId, call);
        return !answer.done && answer.state === "confirmed" ? { done: true } : answer;
      },
    }),
  },
  {
    bug: "a redrive does not look at the generation that was seen",
    brokenLaw: "an operation on a generation that is over is refused, and changes nothing",
    plant: (sound) => ({ redrive: (taskId, call) => sound.redrive(taskId, { now: call?.now }) }),
  },
  {
    bug: "a cancellation does not look at the generation that was seen",
    brokenLaw: "an operation on a generation that is over is refused, and changes nothing",
    plant: (sound) => ({ cancel: (taskId, call) => sound.cancel(taskId, { now: call?.now }) }),
  },
  {
    bug: "an erasure does not look at the generation that was seen",
    brokenLaw: "the data of a confirmed task is erased in the generation that was seen alone",
    plant: (sound) => ({ erase: (taskId, call) => sound.erase(taskId, { now: call?.now }) }),
  },
  {
    bug: "a redrive deletes the story",
    brokenLaw: "a redriven task keeps its story",
    plant: (sound) => ({
      async get(taskId, call) {
        const task = await sound.get(taskId, call);
        if (task === null) return null;
        return {
          ...task,
          attempts: task.attempts.filter(({ generation }) => generation === task.generation),
        };
      },
    }),
  },
  {
    bug: "the data of pending tasks is erased",
    brokenLaw: "the data of a pending task is not erased",
    plant: (sound) => ({
      async erase(taskId, call) {
        const answer = await sound.erase(taskId, call);
        return answer.done || answer.state === "gone" ? answer : { done: true };
      },
    }),
  },
  {
    bug: "erased data is still shown",
    brokenLaw: "erasing removes the data of a settled task and keeps the record",
    plant: () => ({ erase: async () => ({ done: true }) }),
  },
  {
    bug: "the cursor of a list skips tasks",
    brokenLaw: "pages neither skip nor repeat while tasks come and go",
    plant: pagesByOffset,
  },
  {
    bug: "every list is ascending",
    brokenLaw: "pages follow the age of the tasks, upwards and downwards",
    plant: (sound) => ({ list: (request, call) => sound.list({ ...request, order: "ascending" }, call) }),
  },
  {
    bug: "a full page promises another",
    brokenLaw: "the last page says that it is the last, even when it is full",
    plant: (sound) => ({
      async list(request, call) {
        const page = await sound.list(request, call);
        return page.tasks.length === request.limit ? { ...page, nextCursor: page.nextCursor ?? "9" } : page;
      },
    }),
  },
  {
    bug: "a list of ready tasks shows all pending ones",
    brokenLaw: "a list of ready tasks leaves out what is not due and what is held",
    plant: (sound) => ({ list: (request, call) => sound.list({ ...request, ready: false }, call) }),
  },
  {
    bug: "a list does not look at the type",
    brokenLaw: "a list shows one state, and one type if asked",
    plant: (sound) => ({ list: (request, call) => sound.list({ ...request, type: undefined }, call) }),
  },
  {
    bug: "a list does not look from when its tasks are",
    brokenLaw: "a list between two instants has what was enqueued between them, in every state",
    plant: (sound) => ({
      list: (request, call) => sound.list({ ...request, enqueuedFrom: undefined }, call),
    }),
  },
  {
    bug: "a list has those that were enqueued at its end",
    brokenLaw: "a list between two instants has what was enqueued between them, in every state",
    plant: (sound) => ({
      list({ enqueuedBefore, ...request }, call) {
        const later = enqueuedBefore === undefined ? undefined : new Date(enqueuedBefore.getTime() + 1);
        return sound.list({ ...request, enqueuedBefore: later }, call);
      },
    }),
  },
  {
    bug: "held tasks are left out of the oldest due",
    brokenLaw: "the age of the oldest due task is told, whoever holds it",
    plant: (sound) => ({
      async statistics(call) {
        const request = { state: "pending", ready: true, limit: 1_000, order: "ascending" } as const;
        const { tasks } = await sound.list(request, call);
        const ages = tasks.map(({ nextAttemptAt }) => (call?.now ?? 0) - Number(nextAttemptAt));
        const oldestDueAgeMs = ages.length === 0 ? null : Math.max(...ages);
        return { ...(await sound.statistics(call)), oldestDueAgeMs };
      },
    }),
  },
  {
    bug: "types that are not due yet are not seen as orphaned",
    brokenLaw: "a type that no live process executes is orphaned",
    plant: (sound) => ({
      async statistics(call) {
        const { tasks } = await sound.list(
          { state: "pending", ready: true, limit: 100, order: "ascending" },
          call,
        );
        const statistics = await sound.statistics(call);
        const orphanedTypes = statistics.orphanedTypes.filter((type) =>
          tasks.some((task) => task.type === type),
        );
        return { ...statistics, orphanedTypes };
      },
    }),
  },
  {
    bug: "every process looks as if it had just sent a heartbeat",
    brokenLaw: "the registered processes are shown with their last heartbeat, longest registered first",
    plant: (sound) => ({
      async processes(call) {
        return (await sound.processes(call)).map((process) => ({ ...process, silentForMs: 0 }));
      },
    }),
  },
  {
    bug: "ids are found by a prefix that matches anything behind it",
    brokenLaw: "tasks are listed by the beginning of their ids, page by page, whatever their state",
    plant: (sound) => ({
      async listByTaskId(request, call) {
        const { tasks, nextCursor } = await sound.listByTaskId({ ...request, prefix: "" }, call);
        return { tasks: tasks.filter(({ taskId }) => taskId >= request.prefix), nextCursor };
      },
    }),
  },
  {
    bug: "an examination tells the time of the machine",
    brokenLaw: "a store that is up to date finds no fault with its schema, and tells the time",
    plant: (sound) => ({ examine: () => sound.examine({}) }),
  },
  {
    bug: "a count of what would be pruned prunes",
    brokenLaw: "what would be pruned is counted, up to a limit, and stays",
    plant: (sound) => ({ countPrunable: (request, call) => sound.prune(request, call) }),
  },
];
