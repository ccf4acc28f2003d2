/** The verdict: what was promised, held against evidence from independent hands. Pure. */
import type { Attempt, Balance, TaskState } from "owed";
import { type Repetition, repetitions } from "./repetition.ts";
import { receiptTaskId, webhookTaskId } from "./tasks.ts";

/** What is known of one task. */
export interface TaskEvidence {
  readonly state: TaskState;
  /** The process that holds a claim on it, alive or not. */
  readonly owner: string | null;
  /** Attempts that did not simply succeed. */
  readonly attempts: readonly Attempt[];
}

/** Everything the verdict rests on, each part counted where it happened. */
export interface Evidence {
  /** How many payments were to be made. */
  readonly posted: number;
  /** Payments whose POST was answered: from the driver. */
  readonly answered: ReadonlySet<string>;
  /** Committed payments: from their table. */
  readonly paymentIds: readonly string[];
  /** The store's own account. */
  readonly balance: Balance;
  /** Tasks by taskId; one that the store does not know is missing. */
  readonly tasks: ReadonlyMap<string, TaskEvidence>;
  /** How often each taskId was accepted: from the merchant. */
  readonly accepted: ReadonlyMap<string, number>;
  /** Payments whose receipt lies in the folder. */
  readonly receipts: ReadonlySet<string>;
  /** Whether an owner was a process that the demo killed. */
  readonly wasKilled: (owner: string) => boolean;
}

/** What came of it. */
export interface Verdict {
  readonly delivered: number;
  readonly receipts: number;
  /** Webhooks the merchant accepted more than once. */
  readonly repeated: readonly Repetition[];
  /** Tasks owed of which nothing is left, or which are confirmed without their effect. */
  readonly lost: number;
  /** enqueued = pending + confirmed + failed + cancelled + pruned, and two for each payment. */
  readonly isConserved: boolean;
  /** Everything that is not as promised, as sentences; empty when all is well. */
  readonly problems: readonly string[];
}

/** Judges. */
export function verdictOn(evidence: Evidence): Verdict {
  const { paymentIds, balance, accepted, receipts } = evidence;
  const delivered = paymentIds.filter((paymentId) => accepted.has(webhookTaskId(paymentId))).length;
  const written = paymentIds.filter((paymentId) => receipts.has(paymentId)).length;
  const repeated = repetitions(accepted, evidence.tasks, evidence.wasKilled);
  const lost = lostTasks(evidence);
  const isConserved = sumOf(balance) === balance.enqueued && balance.enqueued === 2 * paymentIds.length;
  const unasked = [...accepted.keys()].filter((taskId) => !evidence.tasks.has(taskId)).length;
  const problems = [
    [!isConserved, `the balance does not add up: ${conservationLine(balance)}`],
    [
      paymentIds.length !== evidence.posted,
      `${evidence.posted - paymentIds.length} payments were not committed`,
    ],
    [delivered !== paymentIds.length, `${paymentIds.length - delivered} webhooks were not delivered`],
    [written !== paymentIds.length, `${paymentIds.length - written} receipts were not written`],
    [balance.pending > 0, `${balance.pending} tasks were still pending when time was up`],
    [balance.failed > 0, `${balance.failed} tasks failed`],
    [unasked > 0, `${unasked} webhooks were delivered for payments that were never committed`],
    [lost > 0, `${lost} tasks are lost`],
  ] as const;
  return {
    delivered,
    receipts: written,
    repeated,
    lost,
    isConserved,
    problems: [
      ...problems.filter(([holds]) => holds).map(([, sentence]) => sentence),
      ...unexplained(repeated),
    ],
  };
}

/** The law in numbers. */
export function conservationLine(balance: Balance): string {
  const { enqueued, pending, confirmed, failed, cancelled, pruned } = balance;
  const sign = sumOf(balance) === enqueued ? "=" : "is not";
  return (
    `${enqueued} enqueued ${sign} ${pending} pending + ${confirmed} confirmed + ${failed} failed ` +
    `+ ${cancelled} cancelled + ${pruned} pruned`
  );
}

function sumOf({ pending, confirmed, failed, cancelled, pruned }: Balance): number {
  return pending + confirmed + failed + cancelled + pruned;
}

function unexplained(repeated: readonly Repetition[]): string[] {
  return repeated
    .filter(({ reason }) => reason === "unexplained")
    .map(
      ({ taskId, deliveries, story }) =>
        `${taskId} was delivered ${deliveries} times, and its attempts do not say why: ${story || "none in the log"}`,
    );
}

/** Looks for each task of each payment that anybody knows of, since a sum can be right by two errors. */
function lostTasks({ paymentIds, answered, tasks, accepted, receipts }: Evidence): number {
  const committed = new Set(paymentIds);
  const isLost = (taskId: string, hasEffect: boolean): boolean => {
    const task = tasks.get(taskId);
    return task === undefined || (task.state === "confirmed" && !hasEffect);
  };
  let lost = 0;
  for (const paymentId of new Set([...paymentIds, ...answered])) {
    if (!committed.has(paymentId)) lost += 2;
    else {
      const webhook = webhookTaskId(paymentId);
      if (isLost(webhook, accepted.has(webhook))) lost += 1;
      if (isLost(receiptTaskId(paymentId), receipts.has(paymentId))) lost += 1;
    }
  }
  return lost;
}
