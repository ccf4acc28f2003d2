/** Claiming: who may have which tasks, in due order, and what it costs a task that its process has died. */
import type { ClaimedTask } from "../../task/task.ts";
import { keyHash, typeHash } from "../../task/type-hash.ts";
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
import type { KeyPlaces, KeyReach } from "../key-places.ts";
import { type KeyFound, type RoomsOfKeys, readyByKeys, roomsOfKeys, shutKeys } from "./claim-keys.ts";
import {
  endOfPage,
  freeEnded,
  type Kind,
  keysBehind,
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
export interface Candidate {
  readonly id: number;
  readonly due: number;
  readonly lost_attempts: number;
  /** 1 when the process that held it has died. */
  readonly dead: number;
  /** Hash of its type. */
  readonly type: string;
  /** Hash of its key; null when it has none. */
  readonly key: string | null;
}

/** A type with how many of it may be taken. */
interface TypeRoom {
  readonly hash: string;
  readonly limit: number;
  /** Set where its keys have rooms of their own. */
  readonly keys: RoomsOfKeys | null;
}

/** Claims within one write transaction. */
export function claimTasks(
  connection: Connection,
  request: ClaimRequest,
  nowMs: number,
  places: KeyPlaces,
): ClaimAnswer {
  if (!isRegistered(connection, request.owner)) return { tasks: [], aloneDue: false };
  const claim = new Claim(connection, request, nowMs, places);
  const chosen = request.alone ? [] : claim.choose();
  const alone = claim.free("alone", claim.typesOf("alone"), 2);
  if (request.alone) chosen.push(...alone.splice(0, 1));
  return { ...claim.end(), tasks: take(connection, request, chosen, nowMs), aloneDue: alone.length > 0 };
}

/**
 * What a claim would find, without the write lock: null when there is something to write, so that the claim must be
 * made; the answer otherwise. An idle poll ends here.
 */
export function probeClaim(
  connection: Connection,
  request: ClaimRequest,
  nowMs: number,
  places: KeyPlaces,
): ClaimAnswer | null {
  if (!isRegistered(connection, request.owner)) return { tasks: [], aloneDue: false };
  const claim = new Claim(connection, request, nowMs, places);
  const found = (kind: Kind): Candidate[] => claim.peek(kind);
  const alone = found("alone");
  if (alone.some(({ dead }) => dead === 1) || (request.alone && alone.length > 0)) return null;
  if (!request.alone && request.limit > 0) {
    if (found("ready").length > 0) return null;
    if (found("suspect").some(({ dead }) => dead === 1 || request.suspectLimit > 0)) return null;
  }
  return { ...claim.end(), aloneDue: alone.length > 0 };
}

/** The named tasks that may be claimed, without writing anything. */
export function findNamed(connection: Connection, request: ClaimByIdRequest, nowMs: number): Candidate[] {
  if (!isRegistered(connection, request.owner)) return [];
  const found = connection.all<Candidate>(namedCandidates, {
    ...holderOf(request),
    task_ids: JSON.stringify([...new Set(request.taskIds)]),
    due: nowMs,
  });
  const { types, without = [] } = request;
  const left = new Set(without.map(({ type, key }) => keyHash(type, key)));
  return found.filter(
    ({ type, key }) => (types === "all" || types.includes(type)) && (key === null || !left.has(key)),
  );
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
  readonly #places: KeyPlaces;
  readonly #reaches = new Map<string, KeyReach>();
  #lossesLeft = MOST_LOSSES;

  constructor(connection: Connection, request: ClaimRequest, nowMs: number, places: KeyPlaces) {
    this.#connection = connection;
    this.#request = request;
    this.#nowMs = nowMs;
    this.#places = places;
    this.#holder = holderOf(request);
  }

  /** The claim is made: the next goes on where this one stopped. Answers what is told beside the tasks. */
  end(): ClaimAnswer {
    const more = [...this.#reaches].filter(([hash, reach]) => this.#places.note(hash, reach));
    return { tasks: [], aloneDue: false, ...(more.length > 0 ? { moreKeys: true } : {}) };
  }

  /** The healthy tasks and suspects to take, oldest due first. */
  choose(): Candidate[] {
    const { limit, suspectLimit } = this.#request;
    const room = new ClaimRoom(this.#request, typeHash, keyHash);
    if (limit <= 0) return [];
    const withRoom = (kind: Kind) => this.typesOf(kind).filter((type) => type.limit > 0);
    const ready = this.free("ready", withRoom("ready"), limit);
    const suspects = this.free("suspect", withRoom("suspect"), Math.min(suspectLimit, limit));
    const sizes = this.#sizesOf([...ready, ...suspects]);
    return [...ready, ...suspects]
      .sort(inDueOrder)
      .filter(({ id, type, key, lost_attempts }) =>
        room.admits({ type, key, isSuspect: lost_attempts > 0 }, sizes.get(id) ?? 0),
      );
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
      return found.map(({ type_hash }) => ({ hash: type_hash, limit: Number.MAX_SAFE_INTEGER, keys: null }));
    }
    return types.map((type) => ({ hash: typeHash(type.type), limit: type.limit, keys: roomsOfKeys(type) }));
  }

  /** The first candidate of each type, losses uncounted. Stops at the first type that has one. */
  peek(kind: Kind): Candidate[] {
    for (const type of this.typesOf(kind)) {
      if (kind !== "alone" && type.limit <= 0) continue;
      const found =
        kind === "ready" && type.keys !== null
          ? this.#byKeys(type, type.keys, this.#nowMs, 1)
          : this.#scan(kind, type, this.#nowMs, 1);
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
      found.push(...this.#freeOfType(kind, type, untilMs, wanted));
      if (found.length < limit) continue;
      found = found.sort(inDueOrder).slice(0, limit);
      untilMs = found[found.length - 1]?.due ?? untilMs;
    }
    return found.sort(inDueOrder);
  }

  #freeOfType(kind: Kind, type: TypeRoom, untilMs: number, wanted: number): Candidate[] {
    for (;;) {
      const found =
        kind === "ready" && type.keys !== null
          ? this.#byKeys(type, type.keys, untilMs, Math.max(wanted, 1))
          : this.#scan(kind, type, untilMs, Math.max(wanted, FEWEST_ROWS));
      const lost = found.filter(({ dead }) => dead === 1).slice(0, this.#lossesLeft);
      countLost(this.#connection, lost, this.#nowMs);
      this.#lossesLeft -= lost.length;
      if (lost.length === 0 || this.#lossesLeft === 0) {
        return found.filter(({ dead }) => dead === 0).slice(0, Math.max(wanted, 0));
      }
    }
  }

  #scan(kind: Kind, { hash, keys }: TypeRoom, untilMs: number, limit: number): Candidate[] {
    const { candidates, candidatesWithout } = scans[kind];
    const bounds = { ...this.#holder, type_hash: integerOf(hash), due: untilMs, limit };
    const found =
      keys === null
        ? this.#connection.all<Omit<Candidate, "type">>(candidates, bounds)
        : this.#connection.all<Omit<Candidate, "type">>(candidatesWithout, {
            ...bounds,
            shut: shutKeys(keys),
          });
    return found.map((row) => ({ ...row, type: hash }));
  }

  /** Ready tasks as far as their keys have room, and the dead. */
  #byKeys({ hash }: TypeRoom, keys: RoomsOfKeys, untilMs: number, wanted: number): Candidate[] {
    const scan = (statement: string, bounds: Readonly<Record<string, SqlValue>>) =>
      this.#connection.all<Omit<Candidate, "type">>(statement, {
        ...this.#holder,
        type_hash: integerOf(hash),
        due: untilMs,
        ...bounds,
      });
    const hops = (bounds: Readonly<Record<string, SqlValue>>) =>
      this.#connection.all<KeyFound>(keysBehind, { type_hash: integerOf(hash), ...bounds });
    const { found, reach } = readyByKeys({ scan, hops, keys, wanted, untilMs }, this.#places.of(hash));
    this.#reaches.set(hash, reach);
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
  readonly key: string | null;
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
    key: row.key,
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
