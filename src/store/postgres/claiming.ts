/** Claiming tasks for execution, and finding out where born claims stand. */
import { StoreUnavailableError } from "../../errors.ts";
import type { Clock } from "../../ports/ports.ts";
import type { ClaimedTask } from "../../task/task.ts";
import { keyHash, typeHash } from "../../task/type-hash.ts";
import type {
  BeatAnswer,
  BornClaim,
  BornClaimStanding,
  ClaimAnswer,
  ClaimByIdRequest,
  ClaimHolder,
  ClaimRequest,
  EndedClaimsAnswer,
  EndedClaimsRequest,
  StoreCall,
  TypeRoom,
} from "../contract.ts";
import { KeyPlaces, type KeyReach } from "../key-places.ts";
import { bytesOf, headersOf, numberOf, textOf } from "./column.ts";
import type { OwnConnections, Row } from "./connections.ts";
import { Floors, type Reach } from "./floors.ts";
import type { Names } from "./identifier.ts";
import { arrayParameter, numberParameter, type Parameter } from "./parameters.ts";
import { openTransactions, standingClaims } from "./statements/born.ts";
import {
  claimAloneEveryType,
  claimAloneNamedTypes,
  claimById,
  claimEveryType,
  claimNamedTypes,
  freeEndedClaims,
} from "./statements/claim.ts";
import { claimAloneByKeys, claimByKeys } from "./statements/claim-keys.ts";
import { claimReadyEveryType, claimReadyNamedTypes } from "./statements/claim-ready.ts";
import type { Statement } from "./statements/statement.ts";

/** More than any limit asked for, and far from the end of what Postgres can count. */
const PLENTY = 1_000_000_000;

/** Claims, as a rule in one statement. */
export class Claiming {
  readonly #own: OwnConnections;
  readonly #statements: ReturnType<typeof statementsOf>;
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #floors: Floors;
  readonly #places = new KeyPlaces();
  #others: ReadonlySet<string> = new Set();

  constructor(own: OwnConnections, names: Names, clock: Pick<Clock, "monotonicMs">) {
    this.#own = own;
    this.#clock = clock;
    this.#floors = new Floors(clock);
    this.#statements = statementsOf(names);
  }

  async claim(request: ClaimRequest, call: StoreCall): Promise<ClaimAnswer> {
    const { types, alone } = request;
    if (types !== "all") {
      if (types.length === 0) return { tasks: [], aloneDue: false };
      if (types.some(({ keys }) => keys !== undefined)) return await this.#claimByKeys(request, types, call);
    }
    if (!alone) {
      const ready = await this.#claimReady(request, call);
      if (ready !== null) return { tasks: ready, aloneDue: false };
    }
    const { whole, aloneOnly } = this.#statements[types === "all" ? "everyType" : "namedTypes"];
    const parameters = types === "all" ? [] : wanted(roomsOf(request), null);
    const rows = await this.#own.rows(alone ? aloneOnly : whole, [...common(request, call), ...parameters]);
    return { tasks: claimedTasks(rows, request), aloneDue: rows[0]?.["alone_due"] === "true" };
  }

  /** What the claim of an ordinary day takes; null when the other statement must decide. */
  async #claimReady(request: ClaimRequest, call: StoreCall): Promise<readonly ClaimedTask[] | null> {
    const { namedTypes, everyType } = this.#statements;
    const parameters = common(request, call);
    if (request.types === "all") {
      const rows = await this.#own.rows(everyType.ready, parameters);
      return rows[0]?.["undecided"] === "true" ? null : claimedTasks(rows, request);
    }
    const rooms = roomsOf(request);
    // A test that sets the clock sets it back as well.
    const from = call.now === undefined ? this.#floors.next([...rooms.keys()]) : null;
    const sentMs = this.#clock.monotonicMs();
    const rows = await this.#own.rows(namedTypes.ready, [...parameters, ...wanted(rooms, from)]);
    const [first] = rows;
    if (first?.["undecided"] === "true") {
      this.#floors.forget();
      return null;
    }
    if (from !== null) this.#note(rooms.keys(), first, sentMs);
    return claimedTasks(rows, request);
  }

  /** Where keys have rooms of their own: one statement for all types of the request. */
  async #claimByKeys(
    request: ClaimRequest,
    types: readonly TypeRoom[],
    call: StoreCall,
  ): Promise<ClaimAnswer> {
    const rooms = roomsOf(request);
    const named = namedKeys(types);
    if (request.alone) {
      const shut = [...named].filter(([, room]) => room <= 0).map(([key]) => key);
      const parameters = [...common(request, call), ...wanted(rooms, null), arrayParameter(shut)];
      const rows = await this.#own.rows(this.#statements.byKeys.aloneOnly, parameters);
      return { tasks: claimedTasks(rows, request), aloneDue: rows[0]?.["alone_due"] === "true" };
    }
    const each = new Map(
      types.map(({ type, keys }) => [typeHash(type), keys === undefined ? null : bounded(keys.each)]),
    );
    const hashes = [...rooms.keys()];
    const floors = call.now === undefined ? this.#floors.next(hashes) : hashes.map(() => null);
    const places = hashes.map((type) => this.#places.of(type));
    const sentMs = this.#clock.monotonicMs();
    const rows = await this.#own.rows(this.#statements.byKeys.whole, [
      ...common(request, call),
      arrayParameter(hashes),
      arrayParameter([...rooms.values()]),
      arrayParameter(hashes.map((_, at) => places[at]?.front?.at ?? floors[at] ?? null)),
      arrayParameter(places.map(({ front }) => front?.id ?? "0")),
      arrayParameter(hashes.map((type) => each.get(type) ?? null)),
      arrayParameter(places.map(({ afterKey }) => afterKey)),
      arrayParameter([...named.keys()]),
      arrayParameter([...named.values()]),
    ]);
    const aloneDue = rows[0]?.["alone_due"] === "true";
    let moreKeys = false;
    for (const told of placesTold(rows[0])) {
      if ((each.get(told.type) ?? null) !== null) moreKeys = this.#places.note(told.type, told) || moreKeys;
      else if (call.now === undefined) this.#floors.note(told.type, told, sentMs);
    }
    return { tasks: claimedTasks(rows, request), aloneDue, moreKeys };
  }

  #note(types: Iterable<string>, first: Row | undefined, sentMs: number): void {
    const fullTypes = new Set((first?.["full_types"] ?? "").split(","));
    const takenUpTo = new Map((first?.["taken_up_to"] ?? "").split(",").map(pairOf));
    for (const type of types) {
      const reach = { isFull: fullTypes.has(type), takenUpTo: takenUpTo.get(type) ?? null };
      this.#floors.note(type, reach, sentMs);
    }
  }

  /** Takes in who else is registered. What somebody held who is gone stands anywhere. */
  saw(others: BeatAnswer["others"]): void {
    const present = new Set(others.map(({ owner }) => owner));
    if ([...this.#others].some((owner) => !present.has(owner))) this.#floors.forget();
    this.#others = present;
  }

  async claimById(request: ClaimByIdRequest, call: StoreCall): Promise<readonly ClaimedTask[]> {
    const { taskIds, types } = request;
    if (taskIds.length === 0) return [];
    const rows = await this.#own.rows(this.#statements.byId, [
      request.owner,
      String(request.claim),
      arrayParameter(request.liveClaims),
      String(PLENTY),
      String(Number.MAX_SAFE_INTEGER),
      String(PLENTY),
      numberParameter(call.now),
      types === "all" ? null : arrayParameter(types.map(typeHash)),
      arrayParameter(taskIds),
      arrayParameter((request.without ?? []).map(({ type, key }) => keyHash(type, key))),
    ]);
    return claimedTasks(rows, request);
  }

  async freeEndedClaims(
    { owner, claim, liveClaims, after }: EndedClaimsRequest,
    call: StoreCall,
  ): Promise<EndedClaimsAnswer> {
    const [row] = await this.#own.rows(this.#statements.freeEnded, [
      owner,
      String(claim),
      arrayParameter(liveClaims),
      numberParameter(call.now),
      after ?? "0",
    ]);
    return { left: row === undefined ? 0 : numberOf(row, "remaining"), next: row?.["last"] ?? null };
  }

  /**
   * Row first, since it usually stands. Of the others the transaction's status is asked, and then the row again in a
   * later statement: one statement for both can see "committed" and an older picture without the row.
   */
  async readCommitted(claims: readonly BornClaim[]): Promise<readonly BornClaimStanding[]> {
    const standings: BornClaimStanding[] = claims.map(() => "gone");
    const absent = await this.#mark(claims, [...claims.keys()], standings);
    if (absent.length === 0) return standings;
    const open = await this.#open(absent.map((place) => claims[place]?.transactionMark ?? null));
    const ended: number[] = [];
    for (const place of absent) {
      const mark = claims[place]?.transactionMark ?? null;
      if (mark === null || open.has(mark)) standings[place] = "open";
      else ended.push(place);
    }
    if (ended.length > 0) await this.#mark(claims, ended, standings);
    return standings;
  }

  /** Marks those that stand under their token; answers the places of the others. */
  async #mark(
    claims: readonly BornClaim[],
    places: readonly number[],
    standings: BornClaimStanding[],
  ): Promise<number[]> {
    if (places.length === 0) return [];
    const asked = places.map((place) => claims[place] as BornClaim);
    const rows = await this.#proof(this.#statements.standing, [
      arrayParameter(asked.map(({ id }) => id)),
      arrayParameter(asked.map(({ token }) => token.owner)),
      arrayParameter(asked.map(({ token }) => token.claim)),
      arrayParameter(asked.map(({ token }) => token.generation)),
    ]);
    const found = new Set(rows.map((row) => places[numberOf(row, "place") - 1]));
    for (const place of places) if (found.has(place)) standings[place] = "committed";
    return places.filter((place) => !found.has(place));
  }

  async #open(marks: readonly (string | null)[]): Promise<ReadonlySet<string>> {
    const distinct = [...new Set(marks)].filter((mark) => mark !== null);
    if (distinct.length === 0) return new Set();
    const rows = await this.#proof(this.#statements.open, [arrayParameter(distinct)]);
    return new Set(rows.map((row) => textOf(row, "mark")));
  }

  /**
   * Rows that prove something. A standby, as behind a proxy that spreads reads, has not replayed all that is committed:
   * it would take a transaction that it does not know yet for one that is over.
   */
  async #proof(statement: Statement, values: readonly Parameter[]): Promise<readonly Row[]> {
    const rows = await this.#own.rows(statement, values);
    if (!rows.some((row) => row["is_standby"] === "true")) return rows;
    throw new StoreUnavailableError("a standby answered, which proves no commit: connect to the primary", {
      outcomeUnknown: false,
    });
  }
}

function statementsOf(names: Names) {
  return {
    namedTypes: {
      ready: claimReadyNamedTypes(names),
      whole: claimNamedTypes(names),
      aloneOnly: claimAloneNamedTypes(names),
    },
    everyType: {
      ready: claimReadyEveryType(names),
      whole: claimEveryType(names),
      aloneOnly: claimAloneEveryType(names),
    },
    byKeys: { whole: claimByKeys(names), aloneOnly: claimAloneByKeys(names) },
    byId: claimById(names),
    freeEnded: freeEndedClaims(names),
    standing: standingClaims(names),
    open: openTransactions(names),
  };
}

function bounded(limit: number): number {
  return Math.floor(Math.min(Math.max(limit, 0), PLENTY));
}

/** What every statement that claims takes. */
function common(request: ClaimRequest, { now }: StoreCall): Parameter[] {
  const { alone } = request;
  return [
    request.owner,
    String(request.claim),
    arrayParameter(request.liveClaims),
    String(alone ? 1 : bounded(request.limit)),
    String(Math.floor(Math.min(Math.max(request.maxBytes, 0), Number.MAX_SAFE_INTEGER))),
    String(alone ? 0 : bounded(request.suspectLimit)),
    numberParameter(now),
  ];
}

/** The room for each type, by its hash. Alone, the limits are not looked at. */
function roomsOf({ types, limit, alone }: ClaimRequest): ReadonlyMap<string, number> {
  const rooms = new Map<string, number>();
  if (types === "all") return rooms;
  for (const one of types) {
    rooms.set(typeHash(one.type), alone ? 1 : Math.min(bounded(one.limit), bounded(limit)));
  }
  return rooms;
}

/** Each type once, with the room for it and from where it is read. */
function wanted(rooms: ReadonlyMap<string, number>, from: readonly (string | null)[] | null): Parameter[] {
  const floors = from === null ? null : arrayParameter(from);
  return [arrayParameter([...rooms.keys()]), arrayParameter([...rooms.values()]), floors];
}

/** The rooms of the keys that are named, by their numbers. */
function namedKeys(types: readonly TypeRoom[]): ReadonlyMap<string, number> {
  const rooms = new Map<string, number>();
  for (const { type, keys } of types)
    for (const { key, limit } of keys?.of ?? []) rooms.set(keyHash(type, key), bounded(limit));
  return rooms;
}

/** What a claim by keys tells of one type. */
interface PlaceTold extends KeyReach, Reach {
  readonly type: string;
}

/** "type full enough last-instant last-task taken-up-to last-key", for each type; "-" stands for none. */
function placesTold(first: Row | undefined): PlaceTold[] {
  const told = first?.["places"] ?? null;
  if (told === null) return [];
  return told.split(",").map((text) => {
    const [type = "", full, enough, at = null, id = null, upTo, key] = text.split(" ").map(noneOf);
    const last = at === null || id === null ? null : { at, id };
    const isFull = full === "1";
    return {
      type: type ?? "",
      isFull: isFull || upTo !== null,
      isClogged: isFull && enough === "0",
      last,
      takenUpTo: upTo ?? null,
      lastKey: key ?? null,
    };
  });
}

function noneOf(text: string): string | null {
  return text === "-" ? null : text;
}

/** "type instant" */
function pairOf(text: string): readonly [string, string] {
  const [type = "", instant = ""] = text.split(" ");
  return [type, instant];
}

function claimedTasks(rows: readonly Row[], request: ClaimHolder): ClaimedTask[] {
  const tasks: ClaimedTask[] = [];
  for (const row of rows) if (row["id"] !== null) tasks.push(claimedTask(row, request));
  return tasks;
}

/** A task that is claimed for the first time: generation, attempts failed, lost, deferred, and for how long. */
const NOTHING_YET = [1, 0, 0, 0, 0] as const;

function claimedTask(row: Row, { owner, claim }: ClaimHolder): ClaimedTask {
  const past = row["past"] ?? null;
  const [generation = 1, failedAttempts = 0, lostAttempts = 0, deferredAttempts = 0, deferredForMs = 0] =
    past === null ? NOTHING_YET : past.split(" ").map(Number);
  return {
    id: textOf(row, "id"),
    taskId: textOf(row, "task_id"),
    type: textOf(row, "type"),
    key: row["key"] ?? null,
    data: bytesOf(row["data"] ?? ""),
    codec: row["codec"] ?? "json",
    referenceId: row["reference_id"] ?? null,
    headers: headersOf(row["headers"]),
    token: { owner, claim, generation },
    failedAttempts,
    lostAttempts,
    deferredAttempts,
    ageMs: numberOf(row, "age_ms"),
    deferredForMs,
  };
}
