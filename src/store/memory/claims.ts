/** Claiming: who may have which tasks, in due order, and what it costs a task that its process has died. */

import type { ClaimedTask } from "../../task/task.ts";
import { ClaimRoom } from "../claim-room.ts";
import {
  type ClaimAnswer,
  type ClaimByIdRequest,
  type ClaimHolder,
  type ClaimRequest,
  lostDelayMs,
} from "../contract.ts";
import { mergedInOrder } from "./merged-order.ts";
import type { OrderedList } from "./ordered-list.ts";
import type { Processes } from "./processes.ts";
import { isPending, type PendingRow } from "./rows.ts";
import { inDueOrder, type Suspicion, suspicionOf, type Tables } from "./tables.ts";

/** Whose claim stands on a task, as a claiming process sees it. */
type Hold = "free" | "held" | "dead";

/** Decides who may run which task. One call is one instant. */
export class Claims {
  readonly #tables: Tables;
  readonly #processes: Processes;
  readonly #isLocked: (row: PendingRow) => boolean;

  /** `isLocked`: whether an open transaction is about to end the task; claims pass over it. */
  constructor(tables: Tables, processes: Processes, isLocked: (row: PendingRow) => boolean) {
    this.#tables = tables;
    this.#processes = processes;
    this.#isLocked = isLocked;
  }

  /** Claims due tasks in due order, within the bounds of the request. */
  claim(request: ClaimRequest, nowMs: number): ClaimAnswer {
    if (!this.#processes.isAlive(request.owner)) return { tasks: [], aloneDue: false };
    const types = request.types === "all" ? [...this.#tables.pendingTypes()] : this.#typesOf(request.types);
    const live = new Set(request.liveClaims);
    const holdOf = (row: PendingRow) => this.#holdOf(row, request.owner, live, request.claim);
    const room = new ClaimRoom(request, byName, byKey);
    const isShut = shutBy(request);
    const rows = request.alone ? [] : this.#choose(room, types, holdOf, nowMs);
    const aloneRows = this.#aloneRows(types, isShut, holdOf, nowMs);
    if (request.alone) rows.push(...aloneRows.splice(0, 1));
    return { tasks: rows.map((row) => this.#take(row, request, nowMs)), aloneDue: aloneRows.length > 0 };
  }

  /** Claims the named tasks that are due, free and of one of the types. */
  claimById(request: ClaimByIdRequest, nowMs: number): readonly ClaimedTask[] {
    if (!this.#processes.isAlive(request.owner)) return [];
    const live = new Set(request.liveClaims);
    const left = new Set((request.without ?? []).map(({ type, key }) => byKey(type, key)));
    const claimed: ClaimedTask[] = [];
    for (const taskId of new Set(request.taskIds)) {
      const row = this.#tables.find(taskId);
      if (row === undefined || !isPending(row) || row.standing.dueAtMs > nowMs) continue;
      if (request.types !== "all" && !request.types.includes(row.type)) continue;
      if (row.key !== null && left.has(byKey(row.type, row.key))) continue;
      const hold = this.#holdOf(row, request.owner, live, request.claim);
      if (hold === "held") continue;
      if (hold === "dead") this.#countLost(row, nowMs);
      if (suspicionOf(row.standing.lostAttempts) !== "alone") claimed.push(this.#take(row, request, nowMs));
    }
    return claimed;
  }

  /** Frees what the owner holds under claims that it has ended; answers how many were locked. */
  freeEnded({ owner, claim, liveClaims }: ClaimHolder, nowMs: number): number {
    const live = new Set(liveClaims);
    let left = 0;
    for (const row of this.#tables.inState("pending").ascending()) {
      if (!isPending(row) || row.standing.claim?.owner !== owner) continue;
      if (this.#isLocked(row)) left += 1;
      if (this.#holdOf(row, owner, live, claim) !== "free") continue;
      this.#tables.amend(row, { claim: null, dueAtMs: Math.max(row.standing.dueAtMs, nowMs) });
    }
    return left;
  }

  #typesOf(types: readonly { readonly type: string }[]): string[] {
    return [...new Set(types.map(({ type }) => type))];
  }

  #holdOf(row: PendingRow, owner: string, live: ReadonlySet<number>, number: number): Hold {
    const { claim } = row.standing;
    if (this.#isLocked(row)) return "held";
    if (claim === null) return "free";
    if (claim.owner === owner) return live.has(claim.number) || claim.number >= number ? "held" : "free";
    return this.#processes.isAlive(claim.owner) ? "held" : "dead";
  }

  /** The rows an ordinary claim takes, oldest due first. The dead among those it passes are counted lost. */
  #choose(
    room: ClaimRoom,
    types: readonly string[],
    holdOf: (row: PendingRow) => Hold,
    nowMs: number,
  ): PendingRow[] {
    const chosen: PendingRow[] = [];
    const dead: PendingRow[] = [];
    const sources = types.flatMap((type) => this.#dueRows(type, ["healthy", "suspect"], room, nowMs));
    for (const row of mergedInOrder(sources, inDueOrder)) {
      if (room.isFull) break;
      const hold = holdOf(row);
      if (hold === "held") continue;
      if (hold === "dead") dead.push(row);
      const lostAttempts = row.standing.lostAttempts + (hold === "dead" ? 1 : 0);
      const suspicion = suspicionOf(lostAttempts);
      const isTaken =
        suspicion !== "alone" &&
        room.admits(countedOf(row, suspicion === "suspect"), row.data?.byteLength ?? 0);
      if (isTaken) chosen.push(row);
    }
    for (const row of dead) this.#countLost(row, nowMs);
    return chosen;
  }

  /** Due tasks that may only be claimed alone and that nobody holds. The dead among them are counted lost, and wait. */
  #aloneRows(
    types: readonly string[],
    isShut: (row: PendingRow) => boolean,
    holdOf: (row: PendingRow) => Hold,
    nowMs: number,
  ): PendingRow[] {
    const sources = types.flatMap((type) => this.#dueRows(type, ["alone"], null, nowMs));
    const dead: PendingRow[] = [];
    const free: PendingRow[] = [];
    for (const row of mergedInOrder(sources, inDueOrder)) {
      const hold = holdOf(row);
      if (hold === "dead") dead.push(row);
      if (hold === "free" && !isShut(row)) free.push(row);
      if (free.length === 2) break;
    }
    for (const row of dead) this.#countLost(row, nowMs);
    return free;
  }

  #dueRows(
    type: string,
    suspicions: readonly Suspicion[],
    room: ClaimRoom | null,
    nowMs: number,
  ): Generator<PendingRow, undefined>[] {
    return [...this.#tables.queuesOf(type).values()].flatMap((queues) =>
      suspicions.map((suspicion) => dueRows(queues[suspicion], suspicion, room, nowMs)),
    );
  }

  /** The process that held this task has died: it is set free, and the loss is written into its story. */
  #countLost(row: PendingRow, nowMs: number): void {
    const { claim } = row.standing;
    if (claim === null) return;
    const lostAttempts = row.standing.lostAttempts + 1;
    row.attempts.push({
      outcome: "lost",
      generation: row.generation,
      owner: claim.owner,
      claim: claim.number,
      error: null,
      accepted: true,
      recordedAt: new Date(nowMs),
      durationMs: null,
    });
    const setAside =
      suspicionOf(lostAttempts) === "alone" ? { dueAtMs: nowMs + lostDelayMs(lostAttempts) } : {};
    this.#tables.amend(row, { claim: null, lostAttempts, ...setAside });
  }

  #take(row: PendingRow, request: Pick<ClaimHolder, "owner" | "claim">, nowMs: number): ClaimedTask {
    this.#tables.amend(row, { claim: { owner: request.owner, number: request.claim } });
    const { firstDueAtMs, deferredSinceMs, failedAttempts, lostAttempts, deferredAttempts } = row.standing;
    return {
      id: String(row.id),
      taskId: row.taskId,
      type: row.type,
      key: row.key,
      data: row.data?.slice() ?? new Uint8Array(),
      codec: row.codec,
      referenceId: row.referenceId,
      headers: row.headers,
      token: { owner: request.owner, claim: request.claim, generation: row.generation },
      failedAttempts,
      lostAttempts,
      deferredAttempts,
      ageMs: Math.max(nowMs - firstDueAtMs, 0),
      deferredForMs: deferredSinceMs === null ? 0 : Math.max(nowMs - deferredSinceMs, 0),
    };
  }
}

/** Due rows of one queue. A queue ends early once there is no room for its kind, so that it is not walked in vain. */
function* dueRows(
  queue: OrderedList<PendingRow>,
  suspicion: Suspicion,
  room: ClaimRoom | null,
  nowMs: number,
): Generator<PendingRow, undefined> {
  for (const row of queue.ascending()) {
    if (row.standing.dueAtMs > nowMs) return undefined;
    if (room !== null && !room.hasRoomFor(countedOf(row, suspicion !== "healthy"))) return undefined;
    yield row;
  }
  return undefined;
}

const byName = (type: string): string => type;
const byKey = (type: string, key: string): string => `${type}\0${key}`;

/** Keys are told apart within all types, as in the request. */
function countedOf({ type, key }: PendingRow, isSuspect: boolean): Parameters<ClaimRoom["hasRoomFor"]>[0] {
  return { type, key: key === null ? null : byKey(type, key), isSuspect };
}

/** Whether the request has no room for the key of a task, whatever else it takes. */
function shutBy({ types }: ClaimRequest): (row: PendingRow) => boolean {
  const shut = new Set<string>();
  for (const { type, keys } of types === "all" ? [] : types)
    for (const { key, limit } of keys?.of ?? []) if (limit <= 0) shut.add(byKey(type, key));
  return ({ type, key }) => key !== null && shut.has(byKey(type, key));
}
