// Stands between the engine and its store, and writes down what was asked of the database and what it answered.
import type { Seen } from "../../checker/history.ts";
import { CommitUnknownError, StoreUnavailableError } from "../../src/errors.ts";
import type {
  ClaimRequest,
  HeldTask,
  OwnTransaction,
  ProcessRecord,
  SettleAnswer,
  Settlement,
  Store,
} from "../../src/store/contract.ts";
import type { ClaimedTask } from "../../src/task/task.ts";
import type { Recorder } from "./recorder.ts";

/** How a call that was not answered looks from outside. */
export function seenOf(error: unknown): Seen {
  if (error instanceof CommitUnknownError) return "info";
  return error instanceof StoreUnavailableError && error.outcomeUnknown ? "info" : "fail";
}

/** What a transaction of `begin` carries besides: the names of the calls to enqueue that stand in it. */
export interface WithCalls {
  readonly calls: string[];
  /** Tasks that it has inserted so far. */
  readonly created: ReadonlySet<string>;
}

/** The store, witnessed. Its laws stay what they are: every call is handed on as it came. */
export function witnessedStore(store: Store, recorder: Recorder): Store {
  const witness = new Witness(store, recorder);
  return Object.freeze({
    ...store,
    begin: async (options) => witness.transaction(await store.begin(options)),
    insert: (transaction, tasks, birth, call) => {
      const learn = (answer: Awaited<ReturnType<Store["insert"]>>) => {
        for (const { id, taskId } of answer.created) witness.created(transaction, id, taskId);
        return answer;
      };
      const answer = store.insert(transaction, tasks, birth, call);
      return answer instanceof Promise ? answer.then(learn) : learn(answer);
    },
    resolveDuplicates: (transaction, missing, birth, createdIds, call) => {
      const learn = (answer: Awaited<ReturnType<Store["resolveDuplicates"]>>) => {
        for (const { id, taskId, verdict } of answer) {
          if (id !== null && verdict === "created") witness.created(transaction, id, taskId);
          else if (id !== null) witness.learn(id, taskId);
        }
        return answer;
      };
      const answer = store.resolveDuplicates(transaction, missing, birth, createdIds, call);
      return answer instanceof Promise ? answer.then(learn) : learn(answer);
    },
    confirmWithin: (transaction, task, call) => {
      const learn = (isConfirmed: boolean): boolean => {
        if (isConfirmed) witness.confirmed(transaction, task);
        return isConfirmed;
      };
      const answer = store.confirmWithin(transaction, task, call);
      return answer instanceof Promise ? answer.then(learn) : learn(answer as boolean); // one or the other
    },
    readConfirmations: async (tasks) => {
      const standings = await store.readConfirmations(tasks);
      tasks.forEach((task, place) => {
        if (standings[place] === "confirmed") witness.noteConfirmation(task, "ok");
      });
      return standings;
    },
    claim: (request) =>
      witness.claim(
        request,
        () => store.claim(request),
        ({ tasks }) => tasks,
      ),
    claimById: (request) =>
      witness.claim(
        { ...request, byId: true },
        () => store.claimById(request),
        (tasks) => tasks,
      ),
    settle: (settlements) => witness.settle(settlements),
    register: (process) => witness.register(process),
    beat: (owner, dead) => witness.beat(owner, dead),
  } satisfies Store);
}

class Witness {
  readonly #store: Store;
  readonly #recorder: Recorder;
  readonly #taskIds = new Map<string, string>();
  readonly #createdBy = new WeakMap<object, Set<string>>();
  readonly #confirmedBy = new WeakMap<object, HeldTask[]>();

  constructor(store: Store, recorder: Recorder) {
    this.#store = store;
    this.#recorder = recorder;
  }

  /** Notes that a transaction has confirmed a task. */
  confirmed(transaction: unknown, task: HeldTask): void {
    this.#confirmedBy.get(transaction as object)?.push(task);
  }

  /** Notes what became of the COMMIT that confirms a task; both are one statement to this process. */
  noteConfirmation({ taskId, token }: HeldTask, seen: Seen): void {
    const verdict = seen === "ok" ? "applied" : null;
    const decision = "confirm";
    this.#recorder.record({ kind: "settle.invoke", taskId, token, decision });
    this.#recorder.record({ kind: "settle.answer", taskId, token, seen, verdict, decision });
  }

  /** Notes which task the store's number means. */
  learn(id: string, taskId: string): void {
    this.#taskIds.set(id, taskId);
  }

  /** Notes that a transaction has inserted a task. */
  created(transaction: unknown, id: string, taskId: string): void {
    this.learn(id, taskId);
    this.#createdBy.get(transaction as object)?.add(taskId);
  }

  /** A transaction of the store's own, with the calls that stand in it. */
  transaction(own: OwnTransaction<unknown, unknown>): OwnTransaction<unknown, unknown> {
    const calls: string[] = [];
    const created = new Set<string>();
    this.#createdBy.set(own.transaction as object, created);
    const confirmed: HeldTask[] = [];
    this.#confirmedBy.set(own.transaction as object, confirmed);
    const added = { calls: { value: calls }, created: { value: created } };
    const answered = (seen: Seen): void => {
      if (calls.length > 0) this.#recorder.record({ kind: "commit.answer", calls: [...calls], seen });
      for (const task of confirmed) this.noteConfirmation(task, seen);
    };
    return {
      transaction: own.transaction,
      api: Object.create(own.api as object, added) as unknown,
      provesCommit: () => own.provesCommit(),
      savepoint: () => own.savepoint(),
      commit: () => {
        if (calls.length > 0) this.#recorder.record({ kind: "commit.invoke", calls: [...calls] });
        const failed = (error: unknown): never => {
          answered(seenOf(error));
          throw error;
        };
        try {
          const committed = own.commit();
          if (committed instanceof Promise) return committed.then(() => answered("ok"), failed);
          answered("ok");
        } catch (error) {
          failed(error);
        }
        return undefined;
      },
      rollback: (options) => {
        if (calls.length > 0) this.#recorder.record({ kind: "rollback", calls: [...calls] });
        return own.rollback(options);
      },
    };
  }

  async claim<Answer>(
    { owner, claim, byId = false }: Pick<ClaimRequest, "owner" | "claim"> & { readonly byId?: boolean },
    send: () => Promise<Answer>,
    tasksOf: (answer: Answer) => readonly ClaimedTask[],
  ): Promise<Answer> {
    this.#recorder.record({ kind: "claim.invoke", owner, claim, byId });
    try {
      const answer = await send();
      const tasks = tasksOf(answer);
      for (const { id, taskId } of tasks) this.learn(id, taskId);
      const taskIds = tasks.map(({ taskId }) => taskId);
      this.#recorder.record({ kind: "claim.answer", owner, claim, seen: "ok", taskIds });
      return answer;
    } catch (error) {
      this.#recorder.record({ kind: "claim.answer", owner, claim, seen: seenOf(error), taskIds: [] });
      throw error;
    }
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly SettleAnswer[]> {
    const named = (one: Settlement) => ({
      taskId: this.#taskIds.get(one.id) ?? `unknown ${one.id}`,
      token: one.token,
    });
    for (const one of settlements) {
      const decision = one.kind === "retry" && one.counted === "deferred" ? "defer" : one.kind;
      this.#recorder.record({ kind: "settle.invoke", ...named(one), decision });
    }
    const answered = (one: Settlement, seen: Seen, verdict: string | null): void =>
      this.#recorder.record({ kind: "settle.answer", ...named(one), seen, verdict });
    try {
      const answers = await this.#store.settle(settlements);
      settlements.forEach((one, index) => answered(one, "ok", answers[index]?.verdict ?? null));
      return answers;
    } catch (error) {
      for (const one of settlements) answered(one, seenOf(error), null);
      throw error;
    }
  }

  async register(process: ProcessRecord): ReturnType<Store["register"]> {
    const sentMs = this.#recorder.monotonicMs;
    const answer = await this.#store.register(process);
    const { owner, leaseMs } = process;
    this.#recorder.record({ kind: "process.registered", owner, leaseMs, sentMs });
    return answer;
  }

  async beat(owner: string, dead: Parameters<Store["beat"]>[1]): ReturnType<Store["beat"]> {
    const sentMs = this.#recorder.monotonicMs;
    try {
      const answer = await this.#store.beat(owner, dead);
      if (answer.alive) this.#recorder.record({ kind: "heartbeat", owner, sentMs, seen: "ok" });
      else this.#recorder.record({ kind: "process.lost", owner });
      return answer;
    } catch (error) {
      this.#recorder.record({ kind: "heartbeat", owner, sentMs, seen: seenOf(error) });
      throw error;
    }
  }
}
