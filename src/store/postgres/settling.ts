/** Writing outcomes: one statement for those under their current token, one transaction for the rest. */
import { StoreUnavailableError } from "../../errors.ts";
import type { SettleAnswer, Settlement, StoreCall } from "../contract.ts";
import { attemptOutcomeOf } from "../settlement.ts";
import { textOf } from "./column.ts";
import type { OwnConnections, Row, Runner } from "./connections.ts";
import { isLockTimeout } from "./database-error.ts";
import type { Names } from "./identifier.ts";
import { type Judgement, judged, Standings } from "./judgement.ts";
import { arrayParameter, numberParameter, type Parameter } from "./parameters.ts";
import {
  confirmCurrent,
  confirmLate,
  confirmUnlocked,
  keptTasks,
  lockPending,
  lockSettled,
  readConfirmed,
  readStories,
  recordSuperseded,
  settleCurrent,
} from "./statements/settle.ts";

/** A locked task; its state cannot be told without waiting. */
const BUSY: SettleAnswer = Object.freeze({ verdict: "busy", state: "pending" });
/** Each locked task is waited for up to the lock timeout; after this many the rest of the batch is not tried. */
const MAX_BUSY = 3;

/** Settles batches. */
export class Settling {
  readonly #own: OwnConnections;
  readonly #statements;

  constructor(own: OwnConnections, names: Names) {
    this.#own = own;
    this.#statements = {
      confirm: confirmCurrent(names),
      confirmUnlocked: confirmUnlocked(names),
      current: settleCurrent(names),
      lockPending: lockPending(names),
      lockSettled: lockSettled(names),
      confirmed: readConfirmed(names),
      stories: readStories(names),
      kept: keptTasks(names),
      late: confirmLate(names),
      record: recordSuperseded(names),
    };
  }

  /** Answers in the order given. */
  async settle(settlements: readonly Settlement[], call: StoreCall): Promise<readonly SettleAnswer[]> {
    const entries = settlements.map((settlement): Entry => ({ settlement, answer: applied(settlement) }));
    for (const round of rounds(entries)) {
      const written = await this.#settleCurrent(
        this.#own,
        round.map(({ settlement }) => settlement),
        call,
      );
      if (written.size === round.length) continue;
      const left = round.filter(({ settlement }) => !written.has(settlement.id));
      const answers = await this.#judge(
        left.map(({ settlement }) => settlement),
        call,
      );
      left.forEach((entry, place) => {
        entry.answer = answers[place] as SettleAnswer;
      });
    }
    return entries.map(({ answer }) => answer);
  }

  /** Settles the rest; a task that an outsider keeps locked is answered `busy` and holds up no other. */
  async #judge(left: readonly Settlement[], call: StoreCall): Promise<readonly SettleAnswer[]> {
    try {
      const judgements = await this.#own.transaction((runner) => this.#settleLeft(runner, left, call));
      return judgements.map(({ answer }) => answer);
    } catch (error) {
      if (!isLockTimeout(error)) throw error;
      if (left.length === 1) return [BUSY];
    }
    const answers: SettleAnswer[] = [];
    let busy = 0;
    for (const one of left) {
      const [answer] = busy < MAX_BUSY ? await this.#judge([one], call) : [BUSY];
      if (answer?.verdict === "busy") busy += 1;
      answers.push(answer ?? BUSY);
    }
    return answers;
  }

  /** Writes those whose token is current; answers their ids. */
  async #settleCurrent(
    runner: Pick<Runner, "rows">,
    batch: readonly Settlement[],
    call: StoreCall,
  ): Promise<ReadonlySet<string>> {
    const now = numberParameter(call.now);
    const rows = batch.every(({ kind }) => kind === "confirm")
      ? await this.#confirm(runner, [...tokens(batch), now])
      : await runner.rows(this.#statements.current, [...tokens(batch), ...outcomes(batch), now]);
    return new Set(rows.map((row) => textOf(row, "id")));
  }

  async #confirm(runner: Pick<Runner, "rows">, values: readonly Parameter[]): Promise<readonly Row[]> {
    try {
      return await runner.rows(this.#statements.confirm, values);
    } catch (error) {
      if (runner !== this.#own || !isLockTimeout(error)) throw error;
      return runner.rows(this.#statements.confirmUnlocked, values);
    }
  }

  /** Locks what the rest is about, in order, and only then reads where it stands: an earlier picture could be old. */
  async #settleLeft(
    runner: Runner,
    left: readonly Settlement[],
    call: StoreCall,
  ): Promise<readonly Judgement[]> {
    const standings = await this.#read(runner, left);
    const judgements = left.map((settlement) => judged(settlement, standings));
    const of = (action: Judgement["action"]) =>
      left.filter((_, place) => judgements[place]?.action === action);

    const current = of("settle");
    if (current.length > 0) {
      const written = await this.#settleCurrent(runner, current, call);
      if (written.size < current.length) {
        throw new StoreUnavailableError("a locked task changed under its lock", { outcomeUnknown: false });
      }
    }
    const late = of("confirm-late");
    if (late.length > 0) {
      await runner.rows(this.#statements.late, [...tokens(late), durations(late), numberParameter(call.now)]);
    }
    const superseded = of("record");
    if (superseded.length > 0) {
      await runner.rows(this.#statements.record, [
        ...tokens(superseded),
        durations(superseded),
        arrayParameter(superseded.map((one) => attemptOutcomeOf(one) ?? "late-success")),
        arrayParameter(superseded.map(errorOf)),
        numberParameter(call.now),
      ]);
    }
    return judgements;
  }

  async #read(runner: Runner, left: readonly Settlement[]): Promise<Standings> {
    const ids = [arrayParameter(left.map(({ id }) => id))];
    const pending: readonly Row[] = await runner.rows(this.#statements.lockPending, ids);
    const settled = await runner.rows(this.#statements.lockSettled, ids);
    const confirmed = await runner.rows(this.#statements.confirmed, ids);
    const named = [...ids, arrayParameter(left.map(({ taskId }) => taskId))];
    const kept = await runner.rows(this.#statements.kept, named);
    const stories = await runner.rows(this.#statements.stories, tokens(left));
    return new Standings({ pending, settled, confirmed, kept, stories });
  }
}

/** One settlement of a call; the same one may be given twice. */
interface Entry {
  readonly settlement: Settlement;
  /** As if it was written under its current token, until more is known. */
  answer: SettleAnswer;
}

/** Batches in which no task occurs twice, since a statement writes a row once; each in the order in which everybody locks. */
function rounds(entries: readonly Entry[]): readonly (readonly Entry[])[] {
  const found: { readonly ids: Set<string>; readonly batch: Entry[] }[] = [];
  for (const entry of entries) {
    const { id } = entry.settlement;
    let round = found.find(({ ids }) => !ids.has(id));
    if (round === undefined) {
      round = { ids: new Set(), batch: [] };
      found.push(round);
    }
    round.ids.add(id);
    round.batch.push(entry);
  }
  return found.map(({ batch }) => batch.sort(byId));
}

function byId({ settlement: left }: Entry, { settlement: right }: Entry): number {
  return left.id.length - right.id.length || (left.id < right.id ? -1 : 1);
}

const CONFIRMED: SettleAnswer = Object.freeze({ verdict: "applied", state: "confirmed" });
const FAILED: SettleAnswer = Object.freeze({ verdict: "applied", state: "failed" });
const GIVEN_BACK: SettleAnswer = Object.freeze({ verdict: "applied", state: "pending" });

function applied({ kind }: Settlement): SettleAnswer {
  if (kind === "confirm") return CONFIRMED;
  return kind === "fail" ? FAILED : GIVEN_BACK;
}

function tokens(batch: readonly Settlement[]): Parameter[] {
  return [
    arrayParameter(batch.map(({ id }) => id)),
    arrayParameter(batch.map(({ token }) => token.owner)),
    arrayParameter(batch.map(({ token }) => token.claim)),
    arrayParameter(batch.map(({ token }) => token.generation)),
  ];
}

function durations(batch: readonly Settlement[]): Parameter {
  return arrayParameter(batch.map(({ durationMs }) => Math.round(durationMs)));
}

function outcomes(batch: readonly Settlement[]): Parameter[] {
  return [
    arrayParameter(batch.map(({ kind }) => kind)),
    arrayParameter(batch.map((one) => (one.kind === "retry" ? one.delayMs : 0))),
    arrayParameter(batch.map(countedBy)),
    arrayParameter(batch.map((one) => (one.kind === "fail" ? one.reason : null))),
    arrayParameter(batch.map(errorOf)),
    durations(batch),
    arrayParameter(batch.map(attemptOutcomeOf)),
  ];
}

function countedBy(settlement: Settlement): string | null {
  if (settlement.kind === "retry") return settlement.counted;
  return settlement.kind === "fail" && settlement.counted ? "failed" : null;
}

function errorOf(settlement: Settlement): string | null {
  return "error" in settlement ? JSON.stringify(settlement.error) : null;
}
