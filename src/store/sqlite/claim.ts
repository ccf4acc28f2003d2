/** Claiming: who may have which tasks, in due order, and what it costs a task that its process has died. */
import type { ClaimedTask } from "../../task/task.ts";
import { typeHash } from "../../task/type-hash.ts";
import { ClaimRoom } from "../claim-room.ts";
import {
  type ClaimAnswer,
  type ClaimByIdRequest,
  type ClaimHolder,
  type ClaimRequest,
  type EndedClaimsAnswer,
  type EndedClaimsRequest,
  lostDelayMs,
} from "../contract.ts";
import {
  endOfPage,
  freeEnded,
  type Kind,
  namedCandidates,
  readClaimed,
  readSizes,
  recordLosses,
  scans,
  setAside,
  suspectLosses,
  takeClaims,
} from "./claim-statements.ts";
import { type Connection, integerOf, type SqlValue } from "./connection.ts";
import { isRegistered } from "./processes.ts";
import { bytesOf, headersOf } from "./row-values.ts";

/** How many losses one claim counts at most; the next goes on, so that the write lock is never held long. */
const MOST_LOSSES = 1_000;
/** A scan that would end behind fewer rows reads on, so that losses are counted in bulk. */
const FEWEST_ROWS = 16;

/** Rows looked at in one write transaction when ended claims are freed. */
const ENDED_PAGE = 10_000;

/** A task that may be claimed. */
interface Candidate {
  readonly id: number;
  readonly due: number;
  readonly lost_attempts: number;
  /** 1 when the process that held it has died. */
  readonly dead: number;
  /** Hash of its type. */
  readonly type: string;
}

/** A type with how many of it may be taken. */
interface TypeRoom {
  readonly hash: string;
  readonly limit: number;
}

/** Claims within one write transaction. */
export function claimTasks(connection: Connection, request: ClaimRequest, nowMs: number): ClaimAnswer {
  if (!isRegistered(connection, request.owner)) return { tasks: [], aloneDue: false };
  const claim = new Claim(connection, request, nowMs);
  const chosen = request.alone ? [] : claim.choose();
  const alone = claim.free("alone", claim.typesOf("alone"), 2);
  if (request.alone) chosen.push(...alone.splice(0, 1));
  return { tasks: take(connection, request, chosen, nowMs), aloneDue: alone.length > 0 };
}

/**
 * What a claim would find, without the write lock: null when there is something to write, so that the claim must be
 * made; the answer otherwise. An idle poll ends here.
 */
export function probeClaim(connection: Connection, request: ClaimRequest, nowMs: number): ClaimAnswer | null {
  if (!isRegistered(connection, request.owner)) return { tasks: [], aloneDue: false };
  const claim = new Claim(connection, request, nowMs);
  const found = (kind: Kind): Candidate[] => claim.peek(kind);
  const alone = found("alone");
  if (alone.some(({ dead }) => dead === 1) || (request.alone && alone.length > 0)) return null;
  if (!request.alone && request.limit > 0) {
    if (found("ready").length > 0) return null;
    if (found("suspect").some(({ dead }) => dead === 1 || request.suspectLimit > 0)) return null;
  }
  return { tasks: [], aloneDue: alone.length > 0 };
}

/** The named tasks that may be claimed, without writing anything. */
export function findNamed(connection: Connection, request: ClaimByIdRequest, nowMs: number): Candidate[] {
  if (!isRegistered(connection, request.owner)) return [];
  const found = connection.all<Candidate>(namedCandidates, {
    ...holderOf(request),
    task_ids: JSON.stringify([...new Set(request.taskIds)]),
    due: nowMs,
  });
  const { types } = request;
  return types === "all" ? found : found.filter(({ type }) => types.includes(type));
}

/** Claims the named tasks within one write transaction. */
export function claimNamed(
  connection: Connection,
  request: ClaimByIdRequest,
  nowMs: number,
): readonly ClaimedTask[] {
  const found = findNamed(connection, request, nowMs);
  const lost = found.filter(({ dead }) => dead === 1);
  countLost(connection, lost, nowMs);
  const chosen = found.filter(({ lost_attempts, dead }) => lost_attempts + dead < 2);
  return take(connection, request, chosen, nowMs);
}

/** Frees what a process holds under claims that it has ended, a page of rows at a time. */
export function freeEndedClaims(
  connection: Connection,
  request: EndedClaimsRequest,
  nowMs: number,
): EndedClaimsAnswer {
  const after = request.after === null ? 0 : Number(request.after);
  const end = connection.first<{ readonly id: number | null }>(endOfPage, { after, page: ENDED_PAGE });
  const last = end?.id ?? null;
  if (last === null) return { left: 0, next: null };
  connection.run(freeEnded, { ...holderOf(request), after, last, now: nowMs });
  return { left: 0, next: String(last) };
}

/** One claim under way. */
class Claim {
  readonly #connection: Connection;
  readonly #request: ClaimRequest;
  readonly #nowMs: number;
  readonly #holder: Readonly<Record<string, SqlValue>>;
  #lossesLeft = MOST_LOSSES;

  constructor(connection: Connection, request: ClaimRequest, nowMs: number) {
    this.#connection = connection;
    this.#request = request;
    this.#nowMs = nowMs;
    this.#holder = holderOf(request);
  }

  /** The healthy tasks and suspects to take, oldest due first. */
  choose(): Candidate[] {
    const { limit, suspectLimit } = this.#request;
    const room = new ClaimRoom(this.#request, typeHash);
    if (limit <= 0) return [];
    const withRoom = (kind: Kind) => this.typesOf(kind).filter((type) => type.limit > 0);
    const ready = this.free("ready", withRoom("ready"), limit);
    const suspects = this.free("suspect", withRoom("suspect"), Math.min(suspectLimit, limit));
    const sizes = this.#sizesOf([...ready, ...suspects]);
    return [...ready, ...suspects]
      .sort(inDueOrder)
      .filter(({ id, type, lost_attempts }) => room.admits(type, lost_attempts > 0, sizes.get(id) ?? 0));
  }

  #sizesOf(candidates: readonly Candidate[]): Map<number, number> {
    const rows = this.#connection.all<{ readonly id: number; readonly bytes: number | null }>(readSizes, {
      ids: idsOf(candidates),
    });
    return new Map(rows.map(({ id, bytes }) => [id, bytes ?? 0]));
  }

  /** Types the process can execute, of which there may be tasks of that kind. */
  typesOf(kind: Kind): TypeRoom[] {
    const { types } = this.#request;
    if (types === "all") {
      const found = this.#connection.all<{ readonly type_hash: string }>(scans[kind].types);
      return found.map(({ type_hash }) => ({ hash: type_hash, limit: Number.MAX_SAFE_INTEGER }));
    }
    return types.map(({ type, limit }) => ({ hash: typeHash(type), limit }));
  }

  /** The first candidate of each type, losses uncounted. Stops at the first type that has one. */
  peek(kind: Kind): Candidate[] {
    for (const { hash, limit } of this.typesOf(kind)) {
      if (kind !== "alone" && limit <= 0) continue;
      const found = this.#scan(kind, hash, this.#nowMs, 1);
      if (found.length > 0) return found;
    }
    return [];
  }

  /**
   * The oldest free tasks of a kind, at most `limit` over all types. Losses met on the way are counted. Each further type
   * is only read up to where the limit would cut, so that many types cost little more than one.
   */
  free(kind: Kind, types: readonly TypeRoom[], limit: number): Candidate[] {
    let found: Candidate[] = [];
    let untilMs = this.#nowMs;
    for (const type of types) {
      const wanted = kind === "alone" ? limit : Math.min(limit, type.limit);
      found.push(...this.#freeOfType(kind, type.hash, untilMs, wanted));
      if (found.length < limit) continue;
      found = found.sort(inDueOrder).slice(0, limit);
      untilMs = found[found.length - 1]?.due ?? untilMs;
    }
    return found.sort(inDueOrder);
  }

  #freeOfType(kind: Kind, hash: string, untilMs: number, wanted: number): Candidate[] {
    for (;;) {
      const found = this.#scan(kind, hash, untilMs, Math.max(wanted, FEWEST_ROWS));
      const lost = found.filter(({ dead }) => dead === 1).slice(0, this.#lossesLeft);
      countLost(this.#connection, lost, this.#nowMs);
      this.#lossesLeft -= lost.length;
      if (lost.length === 0 || this.#lossesLeft === 0) {
        return found.filter(({ dead }) => dead === 0).slice(0, Math.max(wanted, 0));
      }
    }
  }

  #scan(kind: Kind, hash: string, untilMs: number, limit: number): Candidate[] {
    const found = this.#connection.all<Omit<Candidate, "type">>(scans[kind].candidates, {
      ...this.#holder,
      type_hash: integerOf(hash),
      due: untilMs,
      limit,
    });
    return found.map((row) => ({ ...row, type: hash }));
  }
}

function take(
  connection: Connection,
  request: Pick<ClaimRequest, "owner" | "claim">,
  chosen: readonly Candidate[],
  nowMs: number,
): readonly ClaimedTask[] {
  if (chosen.length === 0) return [];
  const ids = idsOf(chosen);
  connection.run(takeClaims, { owner: integerOf(request.owner), claim: request.claim, ids });
  const rows = connection.all<ClaimedRow>(readClaimed, { ids });
  return rows.map((row) => claimedTaskOf(row, request, nowMs));
}

/** Sets tasks of dead processes free: as suspects where they are, or aside for a while when they were lost before. */
function countLost(connection: Connection, lost: readonly Candidate[], nowMs: number): void {
  if (lost.length === 0) return;
  connection.run(recordLosses, { ids: idsOf(lost), now: nowMs });
  const first = lost.filter(({ lost_attempts }) => lost_attempts === 0);
  if (first.length > 0) connection.run(suspectLosses, { ids: idsOf(first) });
  for (const { id, lost_attempts } of lost) {
    if (lost_attempts > 0) connection.run(setAside, { id, due: nowMs + lostDelayMs(lost_attempts + 1) });
  }
}

function idsOf(candidates: readonly Candidate[]): string {
  return JSON.stringify(candidates.map(({ id }) => id));
}

interface ClaimedRow {
  readonly id: string;
  readonly task_id: string;
  readonly type: string;
  readonly data: Uint8Array | null;
  readonly codec: string;
  readonly reference_id: string | null;
  readonly headers: string | null;
  readonly generation: number;
  readonly failed_attempts: number;
  readonly lost_attempts: number;
  readonly deferred_attempts: number;
  readonly first_due_at: number;
  readonly deferred_since: number | null;
}

function claimedTaskOf(
  row: ClaimedRow,
  { owner, claim }: Pick<ClaimRequest, "owner" | "claim">,
  nowMs: number,
): ClaimedTask {
  return {
    id: row.id,
    taskId: row.task_id,
    type: row.type,
    data: bytesOf(row.data) ?? new Uint8Array(),
    codec: row.codec,
    referenceId: row.reference_id,
    headers: headersOf(row.headers),
    token: { owner, claim, generation: row.generation },
    failedAttempts: row.failed_attempts,
    lostAttempts: row.lost_attempts,
    deferredAttempts: row.deferred_attempts,
    ageMs: Math.max(nowMs - row.first_due_at, 0),
    deferredForMs: row.deferred_since === null ? 0 : Math.max(nowMs - row.deferred_since, 0),
  };
}

function holderOf({ owner, liveClaims, claim }: ClaimHolder): Record<string, SqlValue> {
  return { owner: integerOf(owner), own_claim: claim, live_claims: JSON.stringify(liveClaims) };
}

function inDueOrder(left: Candidate, right: Candidate): number {
  return left.due - right.due || left.id - right.id;
}
