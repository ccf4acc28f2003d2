/** What is kept of what happened: what people did, and what attempts add up to. */
import { InvalidInputError } from "../../errors.ts";
import type { TaskState } from "../../task/task.ts";
import type {
  Act,
  ActName,
  ActPage,
  ActRequest,
  NewAct,
  RollUp,
  RollUpAnswer,
  RollUpRequest,
  StoreCall,
} from "../contract.ts";
import { FOLDED_AT_ONCE, HOURS_KEPT_MS, MINUTES_KEPT_MS, MOST_ROLL_UPS } from "../roll-up.ts";
import { dateOf, numberOf, textOf } from "./column.ts";
import type { OwnConnections, Row } from "./connections.ts";
import type { Names } from "./identifier.ts";
import { arrayParameter, numberParameter } from "./parameters.ts";
import * as acts from "./statements/act.ts";
import * as rollUps from "./statements/roll-up.ts";

const LONGEST_PAGE = 1_000;

/** Statements about acts and roll-ups. */
export class Recording {
  readonly #own: OwnConnections;
  readonly #names: Names;

  constructor(own: OwnConnections, names: Names) {
    this.#own = own;
    this.#names = names;
  }

  async recordAct(act: NewAct, { now }: StoreCall): Promise<void> {
    await this.#own.rows(acts.recordAct(this.#names), [
      numberParameter(now),
      act.actor,
      act.via,
      act.reason,
      act.action,
      act.taskId,
      act.type,
      act.referenceId,
      numberParameter(act.generation),
      act.state,
      act.outcome,
    ]);
  }

  async acts({ taskId, actor, cursor, limit }: ActRequest): Promise<ActPage> {
    if (!Number.isInteger(limit) || limit < 1 || limit > LONGEST_PAGE) {
      throw new InvalidInputError("limit", `is ${limit}`, `give a whole number from 1 to ${LONGEST_PAGE}`);
    }
    if (cursor !== undefined && !/^[1-9]\d{0,17}$/.test(cursor)) {
      throw new InvalidInputError(
        "cursor",
        "is not one this store has answered",
        "pass nextCursor of the page before",
      );
    }
    const values = [cursor ?? null, String(limit + 1)];
    const found =
      taskId !== undefined
        ? await this.#own.rows(acts.actsOfTask(this.#names), [...values, taskId, actor ?? null])
        : actor !== undefined
          ? await this.#own.rows(acts.actsOfActor(this.#names), [...values, actor])
          : await this.#own.rows(acts.actsPage(this.#names), values);
    const page = found.slice(0, limit);
    const last = found.length > limit ? page.at(-1) : undefined;
    return { acts: page.map(actOf), nextCursor: last === undefined ? null : textOf(last, "number") };
  }

  async recordRollUps(given: readonly RollUp[], { now }: StoreCall): Promise<void> {
    if (given.length === 0) return;
    const listed = (value: (rollUp: RollUp) => string | number | null): string =>
      arrayParameter(given.map(value));
    await this.#own.rows(rollUps.recordRollUps(this.#names), [
      numberParameter(now),
      listed(({ type }) => type),
      listed(({ confirmed }) => confirmed),
      listed(({ failed }) => failed),
      listed(({ givenUp }) => givenUp),
      listed(({ waits }) => arrayParameter(waits)),
      listed(({ runs }) => arrayParameter(runs)),
      listed(({ slowest }) => slowest?.ms ?? null),
      listed(({ slowest }) => slowest?.taskId ?? null),
    ]);
  }

  async rollUps({ spanMs, type }: RollUpRequest, { now }: StoreCall): Promise<RollUpAnswer> {
    const values = [numberParameter(now), String(spanMs), type ?? null, String(MOST_ROLL_UPS)];
    const rows = await this.#own.rows(rollUps.readRollUps(this.#names), values);
    const [first] = rows;
    if (first === undefined) throw new TypeError("the roll-ups answered no row");
    const found = rows.filter((row) => row["type"] !== null);
    return { now: new Date(numberOf(first, "now_ms")), rollUps: found.map(rollUpOf) };
  }

  async foldRollUps({ now }: StoreCall): Promise<number> {
    const kept = [String(MINUTES_KEPT_MS), String(HOURS_KEPT_MS), String(FOLDED_AT_ONCE)];
    const [row] = await this.#own.rows(rollUps.foldRollUps(this.#names), [numberParameter(now), ...kept]);
    return Number(row?.["gone"] ?? 0);
  }
}

function actOf(row: Row): Act {
  const generation = row["generation"] ?? null;
  return {
    at: dateOf(textOf(row, "at_ms")) ?? new Date(Number.NaN),
    actor: textOf(row, "actor"),
    via: textOf(row, "via"),
    reason: row["reason"] ?? null,
    action: textOf(row, "action") as ActName, // the table knows no other
    taskId: textOf(row, "task_id"),
    type: row["type"] ?? null,
    referenceId: row["reference_id"] ?? null,
    generation: generation === null ? null : Number(generation),
    state: (row["state"] ?? null) as TaskState | null, // written by this library, as is the next
    outcome: textOf(row, "outcome") as Act["outcome"],
  };
}

function rollUpOf(row: Row): RollUpAnswer["rollUps"][number] {
  const taskId = row["slowest_task_id"] ?? null;
  return {
    type: textOf(row, "type"),
    beginsAt: new Date(numberOf(row, "begins_ms")),
    minutes: textOf(row, "minutes") === "60" ? 60 : 1,
    confirmed: numberOf(row, "confirmed"),
    failed: numberOf(row, "failed"),
    givenUp: numberOf(row, "given_up"),
    waits: JSON.parse(textOf(row, "waits")) as number[], // an array of the table, as is the next
    runs: JSON.parse(textOf(row, "runs")) as number[],
    slowest: taskId === null ? null : { taskId, ms: numberOf(row, "slowest_ms") },
  };
}
