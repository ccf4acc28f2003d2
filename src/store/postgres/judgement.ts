/** What a settlement means that did not go straight through. Pure: rows that were locked and read in, a judgement out. */
import type { TaskState, Token } from "../../task/task.ts";
import { attemptOutcomeOf, type SettleAnswer, type Settlement } from "../settlement.ts";
import { textOf } from "./column.ts";
import type { Row } from "./connections.ts";

/** What is answered, and what has to be written. */
export interface Judgement {
  readonly answer: SettleAnswer;
  readonly action: "settle" | "confirm-late" | "record" | "none";
}

/** What was read under lock. */
interface StandingRows {
  readonly pending: readonly Row[];
  readonly settled: readonly Row[];
  readonly confirmed: readonly Row[];
  readonly kept: readonly Row[];
  readonly stories: readonly Row[];
}

interface Standing {
  readonly state: TaskState;
  readonly generation: number;
  /** Holder of a pending task. */
  readonly token: Token | null;
}

/** Where tasks stand, and what their stories say of some tokens. */
export class Standings {
  readonly #standings = new Map<string, Standing>();
  readonly #kept: ReadonlySet<string>;
  readonly #stories: ReadonlySet<string>;
  /** The process whose success confirmed a task; which of its claims that was is not kept. */
  readonly #confirmedBy = new Map<string, string>();
  /** Tokens whose attempt ended otherwise, and tasks that were confirmed by a late success, by generation. */
  readonly #superseded = new Set<string>();
  readonly #confirmedLate = new Set<string>();

  constructor({ pending, settled, confirmed, kept, stories }: StandingRows) {
    for (const row of pending) {
      const generation = Number(row["generation"]);
      const owner = row["owner"] ?? null;
      const token = owner === null ? null : { owner, claim: Number(row["claim"]), generation };
      this.#standings.set(textOf(row, "id"), { state: "pending", generation, token });
    }
    for (const row of settled) {
      // The column holds nothing but failed and cancelled.
      const state = textOf(row, "state") as TaskState;
      this.#standings.set(textOf(row, "id"), { state, generation: Number(row["generation"]), token: null });
    }
    for (const row of confirmed) {
      const generation = Number(row["generation"]);
      this.#standings.set(textOf(row, "id"), { state: "confirmed", generation, token: null });
      this.#confirmedBy.set(textOf(row, "id"), textOf(row, "owner"));
    }
    this.#kept = new Set(kept.map((row) => textOf(row, "id")));
    this.#stories = new Set(stories.map((row) => storyKey(textOf(row, "id"), tokenOf(row), row)));
    for (const row of stories.filter(({ accepted }) => accepted === "true")) {
      const [id, token] = [textOf(row, "id"), tokenOf(row)];
      if (row["outcome"] === "late-success") this.#confirmedLate.add(`${id} ${token.generation}`);
      else this.#superseded.add(tokenKey(id, token));
    }
  }

  /** Where the task stands; null when it is not kept any more. */
  of(id: string): Standing | null {
    return this.#kept.has(id) ? (this.#standings.get(id) ?? null) : null;
  }

  /** True when the story tells of this outcome under this token. */
  tells({ id, token }: Settlement, outcome: string, accepted: boolean): boolean {
    return this.#stories.has(storyKey(id, token, { outcome, accepted: String(accepted) }));
  }

  /** True when it was this token, still current, under which a confirmed task succeeded. */
  confirmedUnder({ id, token }: Settlement): boolean {
    return (
      this.#confirmedBy.get(id) === token.owner &&
      !this.#superseded.has(tokenKey(id, token)) &&
      !this.#confirmedLate.has(`${id} ${token.generation}`)
    );
  }
}

/** Judges one settlement. */
export function judged(settlement: Settlement, standings: Standings): Judgement {
  const standing = standings.of(settlement.id);
  if (standing === null) {
    const verdict = settlement.kind === "confirm" ? "recorded" : "refused";
    return { answer: { verdict, state: "gone" }, action: "none" };
  }
  if (standing.token !== null && isSame(standing.token, settlement.token)) return current(settlement);
  return settlement.kind === "confirm"
    ? lateSuccess(settlement, standing, standings)
    : superseded(settlement, standing, standings);
}

/** The row was only locked by somebody else when the batch passed. */
function current({ kind }: Settlement): Judgement {
  const state = kind === "confirm" ? "confirmed" : kind === "fail" ? "failed" : "pending";
  return { answer: { verdict: "applied", state }, action: "settle" };
}

function lateSuccess(settlement: Settlement, standing: Standing, standings: Standings): Judgement {
  const { state } = standing;
  if (standing.generation === settlement.token.generation) {
    if (state === "pending" || state === "failed") {
      return { answer: { verdict: "late", state: "confirmed" }, action: "confirm-late" };
    }
    if (standings.tells(settlement, "late-success", true)) {
      return { answer: { verdict: "late", state }, action: "none" };
    }
    if (state === "confirmed" && standings.confirmedUnder(settlement)) {
      return { answer: { verdict: "applied", state }, action: "none" };
    }
  }
  const isKnown = standings.tells(settlement, "late-success", false);
  return { answer: { verdict: "recorded", state }, action: isKnown ? "none" : "record" };
}

function superseded(settlement: Settlement, standing: Standing, standings: Standings): Judgement {
  const { state } = standing;
  const outcome = attemptOutcomeOf(settlement) ?? "failed";
  if (standings.tells(settlement, outcome, true)) {
    return { answer: { verdict: "applied", state }, action: "none" };
  }
  // A task given back too late has nothing to tell.
  const isKnown = settlement.kind === "release" || standings.tells(settlement, outcome, false);
  return { answer: { verdict: "refused", state }, action: isKnown ? "none" : "record" };
}

function isSame(left: Token, right: Token): boolean {
  return left.owner === right.owner && left.claim === right.claim && left.generation === right.generation;
}

function tokenOf(row: Row): Token {
  return { owner: textOf(row, "owner"), claim: Number(row["claim"]), generation: Number(row["generation"]) };
}

function tokenKey(id: string, { owner, claim, generation }: Token): string {
  return [id, owner, claim, generation].join(" ");
}

function storyKey(id: string, token: Token, { outcome, accepted }: Row): string {
  return [tokenKey(id, token), outcome, accepted].join(" ");
}
