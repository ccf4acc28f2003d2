/** Ready tasks of a type whose keys have rooms of their own: a piece of the queue, and where that is clogged, key by key. */
import { keyHash } from "../../task/type-hash.ts";
import type { TypeRoom } from "../contract.ts";
import type { KeyPlace, KeyReach } from "../key-places.ts";
import type { Candidate } from "./claim.ts";
import { candidatesOfKey, frontOfType } from "./claim-statements.ts";
import { integerOf, type SqlValue } from "./connection.ts";

/** Rows of a piece beyond twice the room. */
const FRONT_ROWS = 100;
/** Keys that one claim looks at one by one, besides those that are named. */
const HOPS = 100;
/** With few keys and much room, rows of each are read up to so many times the room of the claim in all. */
const SPARE_ROOMS = 4;
/** Before the first key there is. */
const LEAST_KEY = -(2n ** 63n);

/** The rooms of the keys of a type, by their hashes. */
export interface RoomsOfKeys {
  readonly each: number;
  readonly of: ReadonlyMap<string, number>;
}

/** A key that has ready tasks, and when the first of them is due. */
export interface KeyFound {
  readonly key: string;
  readonly due: number;
}

type Bounds = Readonly<Record<string, SqlValue>>;
type Found = Omit<Candidate, "type">;

/** What a look works with. */
interface KeyedLook {
  /** Rows of a statement that are due and that nobody alive holds. */
  readonly scan: (statement: string, bounds: Bounds) => Found[];
  readonly hops: (bounds: Bounds) => KeyFound[];
  readonly keys: RoomsOfKeys;
  readonly wanted: number;
  readonly untilMs: number;
}

/** The rooms of a type's keys; null when it is not asked by keys. */
export function roomsOfKeys({ type, keys }: TypeRoom): RoomsOfKeys | null {
  if (keys === undefined) return null;
  return { each: keys.each, of: new Map(keys.of.map(({ key, limit }) => [keyHash(type, key), limit])) };
}

/** The keys without any room, as a list in JSON. Written by hand: JSON of JavaScript has no integers of 64 bits. */
export function shutKeys({ each, of }: RoomsOfKeys): string {
  if (each <= 0) return "[]";
  return `[${[...of].flatMap(([key, room]) => (room <= 0 ? [key] : [])).join()}]`;
}

/** The first tasks for which there is room, in due order, with those of the dead that were met; and how far the look went. */
export function readyByKeys(look: KeyedLook, place: KeyPlace): { found: Found[]; reach: KeyReach } {
  const { keys, wanted, scan } = look;
  const size = 2 * wanted + FRONT_ROWS;
  const front = scan(frontOfType, {
    after_due: Number(place.front?.at ?? Number.MIN_SAFE_INTEGER),
    after_id: Number(place.front?.id ?? 0),
    limit: size,
  });
  const found = withinRooms(front, keys);
  const end = front[front.length - 1];
  const last = end === undefined ? null : { at: String(end.due), id: String(end.id) };
  const isClogged = front.length >= size && found.filter(({ dead }) => dead === 0).length < wanted;
  if (!isClogged) return { found, reach: { isClogged, last, lastKey: null } };
  const most = HOPS + keys.of.size;
  const met = look.hops({
    after: place.afterKey === null ? LEAST_KEY : integerOf(place.afterKey),
    hops: most,
  });
  const lastKey = met.length < most ? null : (met[met.length - 1]?.key ?? null);
  const all = [...found, ...ofKeys(look, met, found)];
  all.sort((left, right) => left.due - right.due || left.id - right.id);
  return { found: all, reach: { isClogged, last, lastKey } };
}

function ofKeys(
  { keys, wanted, untilMs, scan }: KeyedLook,
  met: readonly KeyFound[],
  front: readonly Found[],
) {
  const known = new Set(front.map(({ id }) => id));
  const open = met.filter(({ key, due }) => due <= untilMs && roomOf(keys, key) > 0);
  const most = Math.max(Math.ceil((SPARE_ROOMS * wanted) / open.length), 2);
  return open.flatMap(({ key }) => {
    const limit = Math.min(roomOf(keys, key), most);
    const rows = scan(candidatesOfKey, { key_hash: integerOf(key), limit });
    return rows.filter(({ id }) => !known.has(id));
  });
}

/** Leaves out what is beyond the room of its key. The dead take no room, since they are counted lost first. */
function withinRooms(rows: readonly Found[], keys: RoomsOfKeys): Found[] {
  const left = new Map<string, number>();
  return rows.filter(({ key, dead }) => {
    if (key === null || dead === 1) return true;
    const room = left.get(key) ?? roomOf(keys, key);
    left.set(key, room - 1);
    return room > 0;
  });
}

function roomOf({ each, of }: RoomsOfKeys, key: string): number {
  return of.get(key) ?? each;
}
