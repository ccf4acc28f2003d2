/** Roll-ups by minute, hour and type. */
import type { RollUp, RollUpAnswer, RollUpRequest, TimedRollUp } from "../contract.ts";
import {
  addRollUps,
  beginningOf,
  FOLDED_AT_ONCE,
  foldingAt,
  HOUR_MS,
  MINUTE_MS,
  MOST_ROLL_UPS,
} from "../roll-up.ts";

/** The roll-ups of a memory store. */
export class RollUps {
  readonly #rows = new Map<string, TimedRollUp>();

  record(rollUps: readonly RollUp[], nowMs: number): void {
    const beginsAt = new Date(beginningOf(nowMs, MINUTE_MS));
    for (const rollUp of rollUps) this.#add({ ...rollUp, beginsAt, minutes: 1 });
  }

  read({ spanMs, type }: RollUpRequest, nowMs: number): RollUpAnswer {
    const rollUps = [...this.#rows.values()]
      .filter((row) => row.beginsAt.getTime() >= nowMs - spanMs && (type ?? row.type) === row.type)
      .sort((left, right) => left.beginsAt.getTime() - right.beginsAt.getTime())
      .slice(-MOST_ROLL_UPS);
    return { now: new Date(nowMs), rollUps };
  }

  fold(nowMs: number): number {
    const { minutesBefore, hoursBefore } = foldingAt(nowMs);
    let gone = 0;
    // oxlint-disable-next-line unicorn/no-useless-spread -- rows are added meanwhile, which must not be folded again
    for (const [key, row] of [...this.#rows]) {
      const atMs = row.beginsAt.getTime();
      if (gone === FOLDED_AT_ONCE) break;
      if (atMs >= (row.minutes === 1 ? minutesBefore : hoursBefore)) continue;
      this.#rows.delete(key);
      gone += 1;
      if (row.minutes === 1) {
        this.#add({ ...row, beginsAt: new Date(beginningOf(atMs, HOUR_MS)), minutes: 60 });
      }
    }
    return gone;
  }

  #add(row: TimedRollUp): void {
    const { beginsAt, minutes, type } = row;
    const key = `${minutes} ${beginsAt.getTime()} ${type}`;
    const found = this.#rows.get(key);
    this.#rows.set(key, found === undefined ? row : { ...addRollUps(found, row), beginsAt, minutes });
  }
}
