/** Born claims of this process: each is watched from before its insert is sent until it is resolved. */
import type { BornClaim, NewTask } from "../store/contract.ts";
import { type ClaimedTask, FIRST_GENERATION } from "../task/task.ts";
import type { Gate, TypeAndKey } from "./gate.ts";
import type { LiveClaims } from "./live-claims.ts";

/** A task that was inserted under a claim of this process, and is not known to be resolved. */
export interface Birth {
  readonly task: NewTask;
  readonly id: string;
  readonly owner: string;
  readonly claim: number;
  readonly transactionMark: string | null;
  /** When the insert was sent, on the monotonic clock. */
  readonly bornMs: number;
}

/** An insert about to be sent. */
export interface OpenBirths {
  readonly owner: string;
  readonly claim: number;
  readonly bornMs: number;
}

/** The ledger of born claims that nobody has started to execute. */
export class Births {
  readonly #claims: LiveClaims;
  readonly #gate: Pick<Gate, "hold" | "unhold">;
  readonly #unstarted = new Set<Birth>();
  #reserved = 0;

  /** @param gate told what is promised to each key */
  constructor(claims: LiveClaims, gate: Pick<Gate, "hold" | "unhold">) {
    this.#claims = claims;
    this.#gate = gate;
  }

  /** Born claims that hold capacity: reserved for an insert under way, or inserted and not started. */
  get size(): number {
    return this.#unstarted.size + this.#reserved;
  }

  /** Reserves one born claim of an insert that is being put together. */
  reserve(task: TypeAndKey): void {
    this.#reserved += 1;
    this.#gate.hold(task, "born");
  }

  /** Takes reservations back. */
  unreserve(tasks: readonly TypeAndKey[]): void {
    this.#reserved -= tasks.length;
    for (const task of tasks) this.#gate.unhold(task, "born");
  }

  /** Notes a claim before its insert is sent. */
  open(owner: string, nowMs: number): OpenBirths {
    return { owner, claim: this.#claims.take(), bornMs: nowMs };
  }

  /** Notes what the insert created; its reservation becomes an entry. */
  record(open: OpenBirths, task: NewTask, id: string, transactionMark: string | null): Birth {
    const { owner, claim, bornMs } = open;
    const birth = Object.freeze({ task, id, owner, claim, transactionMark, bornMs });
    this.#claims.hold(claim);
    this.#gate.hold(task, "born");
    this.#unstarted.add(birth);
    return birth;
  }

  /** The insert was answered, or failed: what was not recorded by now does not stand under its claim. */
  close(open: OpenBirths): void {
    this.#claims.drop(open.claim);
  }

  /** True while the birth is in the ledger. */
  has(birth: Birth): boolean {
    return this.#unstarted.has(birth);
  }

  /** Takes a birth out because it starts, or is released: its claim stays live until the funnel drops it. Null when it is not there any more. */
  start(birth: Birth): ClaimedTask | null {
    if (!this.#remove(birth)) return null;
    return claimedAtBirth(birth);
  }

  /** Takes a birth out because its row does not exist, or is not ours any more. */
  forget(birth: Birth): void {
    if (this.#remove(birth)) this.#claims.drop(birth.claim);
  }

  #remove(birth: Birth): boolean {
    if (!this.#unstarted.delete(birth)) return false;
    this.#gate.unhold(birth.task, "born");
    return true;
  }

  /** Forgets all births of an owner whose claims are void. */
  forgetOwner(owner: string): void {
    for (const birth of this.#unstarted) if (birth.owner === owner) this.forget(birth);
  }

  /** Births sent before an instant. */
  sentBefore(monotonicMs: number): Birth[] {
    return [...this.#unstarted].filter((birth) => birth.bornMs <= monotonicMs);
  }
}

/** What a store is asked about a birth. */
export function bornClaim(birth: Birth): BornClaim {
  const { id, owner, claim, transactionMark } = birth;
  return { id, token: { owner, claim, generation: FIRST_GENERATION }, transactionMark };
}

function claimedAtBirth(birth: Birth): ClaimedTask {
  const { task, id, owner, claim } = birth;
  return {
    id,
    taskId: task.taskId,
    type: task.type,
    key: task.key,
    data: task.data,
    codec: task.codec,
    referenceId: task.referenceId,
    headers: task.headers,
    token: { owner, claim, generation: FIRST_GENERATION },
    failedAttempts: 0,
    lostAttempts: 0,
    deferredAttempts: 0,
    ageMs: 0,
    deferredForMs: 0,
  };
}
