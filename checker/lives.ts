// The lives of owner ids as the database tells them: registered, beating, removed.
import type { AuditEntry } from "./history.ts";
import type { OwnerLog } from "./process-log.ts";
import type { Moment } from "./story.ts";

/** The life of one owner id. */
export interface Life {
  readonly owner: string;
  readonly registered: Moment;
  /** Its heartbeats, the registration included. */
  readonly beats: Moment[];
  /** When it was removed; null when it is registered to the end. */
  removed: Moment | null;
  /** Changes of it after it was removed. */
  readonly afterlife: Moment[];
  /** What the process says of it; null when it told nothing. */
  readonly said: OwnerLog | null;
}

/** Owner ids by name. */
export type Lives = ReadonlyMap<string, Life>;

/** Reads the lives out of the audit. `restores`: as for the replay; they bring the removed back. */
export function livesOf(
  audit: readonly AuditEntry[],
  owners: ReadonlyMap<string, OwnerLog>,
  restores: readonly number[],
): Lives {
  const lives = new Map<string, Life>();
  const isRestored = ({ removed }: Life, index: number): boolean =>
    removed !== null && restores.some((restore) => restore > removed.index && restore <= index);
  audit.forEach(({ change, seq, atMs }, index) => {
    if (!("owner" in change)) return;
    const { owner, kind } = change;
    const at: Moment = { index, seq, atMs };
    const life = lives.get(owner);
    if (life === undefined) {
      const said = owners.get(owner) ?? null;
      lives.set(owner, { owner, registered: at, beats: [at], removed: null, afterlife: [], said });
      return;
    }
    if (isRestored(life, index)) life.removed = null;
    if (life.removed !== null) life.afterlife.push(at);
    else if (kind === "process.delete") life.removed = at;
    else life.beats.push(at);
  });
  return lives;
}

/** The last heartbeat before a moment of the audit, or before its removal. */
export function lastBeat(life: Life, before: number = Number.POSITIVE_INFINITY): Moment {
  let found = life.registered;
  for (let index = life.beats.length - 1; index >= 0; index -= 1) {
    const beat = life.beats[index] as Moment; // within its length
    if (beat.index < before) {
      found = beat;
      break;
    }
  }
  return found;
}

/** Whether the owner was registered right after an entry of the audit. */
export function isRegisteredAt({ registered, removed }: Life, index: number): boolean {
  return registered.index <= index && (removed === null || removed.index > index);
}

/** Names the process for people. */
export function processOf(life: Life | undefined | null): string | undefined {
  const log = life?.said?.log;
  return log === undefined ? undefined : `${log.process}.${log.boot}`;
}
