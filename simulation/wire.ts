// What a process holds for the store: the network to the database, with its delays and losses. All of src/run goes through it.
import { NotATransactionError } from "../src/errors.ts";
import type { BeginOptions, InsertAnswer, ResolvedDuplicate, Store } from "../src/store/contract.ts";
import type { Token } from "../src/task/task.ts";
import type { Agenda } from "./agenda.ts";
import { type Command, type DatabaseServer, isAside, type PlainMethod } from "./database-server.ts";
import { Draw, mixText } from "./draw.ts";
import type { Fate, PlannedNetwork } from "./plan.ts";
import type { Recorder } from "./recorder.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { WakeUpHub } from "./wake-up-hub.ts";
import { anywhere, unavailable, WireTransaction } from "./wire-transaction.ts";
import { witnessed } from "./witness.ts";

/** What all wires of a simulation share. */
export interface WireParts {
  readonly seed: number;
  readonly agenda: Agenda;
  readonly server: DatabaseServer;
  readonly recorder: Recorder;
  readonly network: PlannedNetwork;
  readonly hub: WakeUpHub;
  readonly chunkTasks: number;
  readonly leaseMs: number;
  /** False from the quiet on: every call is answered. */
  hasFaults: boolean;
  /** The calls that had a fate, by name. */
  readonly fated: Record<string, Fate>;
  nextTransaction: number;
  /** Commands on their way whose callers have given up: they are still to be carried out. */
  late: number;
  /** Names of transactions whose commit was not answered. */
  readonly unknownMarks: Set<string>;
}

/** The store as a process sees it. */
export type WireStore = Store<WireTransaction, WireTransaction, false>;

/** Longest time the server takes to notice that a connection is gone, as a part of the client's timeout. */
const LONGEST_DISCONNECT = 2;

/** Calls whose fates are counted one by one. */
const telling = new Set(["claim", "settle", "insert", "commit", "beat"]);

/** The connection of one process to the database. */
export class Wire {
  readonly parts: WireParts;
  readonly process: SimulatedProcess;
  readonly open = new Set<WireTransaction>();
  /** Tasks by claim and number, as this process was told. */
  readonly #taskIds = new Map<string, string>();
  readonly #doubted = new Set<string>();
  #calls = 0;
  #asides = 0;

  constructor(parts: WireParts, process: SimulatedProcess) {
    this.parts = parts;
    this.process = process;
  }

  /** The process is gone: the server notices it sooner or later. */
  hangUp(): void {
    for (const transaction of this.open) transaction.hangUp();
  }

  /** Sends a command. The dead send nothing, and nobody who died is answered. */
  send(command: Command, allowed: readonly Fate[]): Promise<unknown> {
    const { process } = this;
    if (!process.isAlive) return new Promise(() => undefined);
    const what = command.kind === "call" ? command.method : command.kind;
    const number = this.#numberOf(what);
    const luck = new Draw(this.parts.seed, 4, process.node, process.boot, mixText(number, what));
    const fate = this.#fateOf(what, `${process.name}.${process.boot}.${what}.${number}`, luck, allowed);
    this.parts.recorder.trace(what, process.name);
    return this.#transmit(command, fate, luck);
  }

  /** Calls beside the tasks are counted apart: a plan that names a call means the same one, however many of them come. */
  #numberOf(what: string): number {
    if (isAside(what)) {
      this.#asides += 1;
      return this.#asides;
    }
    this.#calls += 1;
    return this.#calls;
  }

  #fateOf(what: string, call: string, luck: Draw, allowed: readonly Fate[]): Fate {
    const { network, hasFaults, fated } = this.parts;
    const drawn = drawFate(network, luck);
    const fate = network.only === null ? drawn : (network.only[call] ?? "ok");
    if (!hasFaults || fate === "ok" || !allowed.includes(fate)) return "ok";
    const { recorder } = this.parts;
    if (!recorder.isForgetful) fated[call] = fate;
    recorder.note(`fate ${fate}`);
    if (telling.has(what)) recorder.note(`fate ${fate}: ${what}`);
    return fate;
  }

  #transmit(command: Command, fate: Fate, luck: Draw): Promise<unknown> {
    const { agenda, server, network } = this.parts;
    const { process } = this;
    const { leastMs, mostMs, timeoutMs } = network;
    const hop = (): number => luck.between(leastMs, mostMs);
    const slowMs = fate === "slow" ? luck.between(0, timeoutMs * 0.95) : 0;
    const isLongWay = luck.chance(0.5);
    return new Promise((resolve, reject) => {
      const deadline = agenda.after(timeoutMs, process, () =>
        reject(unavailable(true, "the database did not answer in time")),
      );
      const answer = (delayMs: number, act: () => void): void => {
        agenda.after(delayMs, process, () => {
          if (deadline.run === null) return;
          deadline.run = null;
          act();
        });
      };
      if (fate === "refused") return answer(hop(), () => reject(unavailable(false)));
      if (process.isCut) return;
      const lateMs = fate === "late" ? timeoutMs + luck.between(0, timeoutMs * 3) : 0;
      if (fate === "late") this.parts.late += 1;
      agenda.after(hop() + lateMs + (isLongWay ? slowMs : 0), null, () => {
        if (fate === "late") this.parts.late -= 1;
        const backMs = hop() + (isLongWay ? 0 : slowMs);
        if (server.refuses(command)) return answer(backMs, () => reject(unavailable(false)));
        const carriedOut: Command =
          fate === "aborted" && "transaction" in command
            ? { kind: "abort", transaction: command.transaction }
            : command;
        server.execute(carriedOut).then(
          (value) => {
            if (fate === "mute" || process.isCut) return;
            answer(backMs, () => (fate === "reset" ? reject(unavailable(true)) : resolve(value)));
          },
          (error: unknown) => answer(backMs, () => reject(error as Error)), // the database rejects with errors only
        );
      });
    });
  }

  /** Notes which task the store's number means. */
  learn(claim: number, id: string, taskId: string): void {
    if (!this.parts.recorder.isForgetful) this.#taskIds.set(`${claim}/${id}`, taskId);
  }

  /** The task of a settlement. */
  taskIdOf({ id, token }: { readonly id: string; readonly token: Token }): string {
    return this.#taskIds.get(`${token.claim}/${id}`) ?? `unknown ${id}`;
  }

  /** Notes that it is not known whether a settlement was written. */
  doubt({ id, token }: { readonly id: string; readonly token: Token }): void {
    if (!this.parts.recorder.isForgetful) this.#doubted.add(`${token.claim}/${id}`);
  }

  /** Whether an earlier try of the settlement was not answered. */
  isDoubted({ id, token }: { readonly id: string; readonly token: Token }): boolean {
    return this.#doubted.has(`${token.claim}/${id}`);
  }

  /** How long the server takes to notice that a connection is gone. */
  disconnectMs(transaction: number): number {
    const { seed, network } = this.parts;
    const luck = new Draw(seed, 5, transaction);
    return luck.chance(0.5) ? 0 : luck.between(0, network.timeoutMs * LONGEST_DISCONNECT);
  }
}

function drawFate({ odds }: PlannedNetwork, luck: Draw): Fate {
  let at = luck.fraction();
  for (const [fate, probability] of Object.entries(odds) as [Fate, number][]) {
    if (at < probability) return fate;
    at -= probability;
  }
  return "ok";
}

/** The store of one process: every method is a call over its wire. */
export function wireStore(wire: Wire): WireStore {
  const { parts } = wire;
  const call = (method: PlainMethod, parameters: readonly unknown[]): Promise<unknown> =>
    witnessed(wire, method, parameters, () =>
      wire.send({ kind: "call", method, with: parameters }, anywhere),
    );
  const plain = <Method extends PlainMethod>(method: Method): WireStore[Method] =>
    ((...parameters: readonly unknown[]) => call(method, parameters)) as WireStore[Method]; // each method answers what the server does
  return Object.freeze({
    name: "simulated",
    synchronous: false,
    chunkTasks: parts.chunkTasks,
    chunkBytes: 1_000_000,
    migrate: plain("migrate"),
    checkSchema: async () => undefined,
    warnings: async () => [],
    close: async () => undefined,
    ...transactionMethods(wire),
    readConfirmations: plain("readConfirmations"),
    readCommitted: plain("readCommitted"),
    claim: plain("claim"),
    claimById: plain("claimById"),
    freeEndedClaims: plain("freeEndedClaims"),
    settle: plain("settle"),
    register: plain("register"),
    beat: plain("beat"),
    removeProcess: plain("removeProcess"),
    processes: plain("processes"),
    examine: plain("examine"),
    get: plain("get"),
    list: plain("list"),
    listByTaskId: plain("listByTaskId"),
    count: plain("count"),
    statistics: plain("statistics"),
    balance: plain("balance"),
    cancel: plain("cancel"),
    redrive: plain("redrive"),
    erase: plain("erase"),
    prune: plain("prune"),
    countPrunable: plain("countPrunable"),
    wakeUps: parts.hub.wakeUpsOf(wire),
    delete: plain("delete"),
    recordAct: plain("recordAct"),
    acts: plain("acts"),
    recordRollUps: plain("recordRollUps"),
    rollUps: plain("rollUps"),
    foldRollUps: plain("foldRollUps"),
  });
}

type TransactionMethod =
  | "assertTransaction"
  | "begin"
  | "savepoint"
  | "insert"
  | "resolveDuplicates"
  | "confirmWithin";

function transactionMethods(wire: Wire): Pick<WireStore, TransactionMethod> {
  const { parts } = wire;
  return {
    assertTransaction(candidate: unknown): asserts candidate is WireTransaction {
      if (candidate instanceof WireTransaction && !candidate.isOver) return;
      throw new NotATransactionError("this is no open transaction", "enqueue before commit or rollback");
    },
    async begin(options: BeginOptions = {}) {
      parts.nextTransaction += 1;
      const number = parts.nextTransaction;
      const frozen = (options.isolationLevel ?? "read committed") !== "read committed";
      const transaction = new WireTransaction(wire, number);
      try {
        await wire.send({ kind: "begin", transaction: number, frozen }, anywhere);
      } catch (error) {
        transaction.hangUp();
        throw error;
      }
      return transaction;
    },
    savepoint: (transaction: WireTransaction) => transaction.savepoint(),
    async confirmWithin(transaction, task) {
      const isConfirmed = await transaction.statement({
        kind: "confirm",
        transaction: transaction.number,
        task,
      });
      if (isConfirmed === true) transaction.confirmed.push(task);
      return isConfirmed === true;
    },
    async insert(transaction, tasks, birth) {
      const command = { kind: "insert", transaction: transaction.number, tasks, birth } as const;
      const answer = (await transaction.statement(command)) as InsertAnswer; // the server answers as the store does
      for (const { id, taskId } of answer.created) {
        wire.learn(birth?.claim ?? 0, id, taskId);
        transaction.created.add(taskId);
      }
      transaction.mark = answer.transactionMark;
      if (birth !== null) transaction.hasBirths = true;
      return answer;
    },
    async resolveDuplicates(transaction, tasks, birth, createdIds) {
      const named = { transaction: transaction.number, tasks, birth, createdIds };
      const answer = await transaction.statement({ kind: "resolveDuplicates", ...named });
      const resolved = answer as readonly ResolvedDuplicate[]; // the server answers as the store does
      for (const { id, taskId, verdict } of resolved) {
        if (id !== null) wire.learn(birth?.claim ?? 0, id, taskId);
        if (verdict === "created") transaction.created.add(taskId);
      }
      return resolved;
    },
  };
}
