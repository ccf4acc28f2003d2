/** The verdict: what was promised, held against evidence from independent hands. Pure. */
import type { Balance } from "owed";
import type { Evidence } from "./evidence.ts";
import { type Repetition, repetitions } from "./repetition.ts";
import { receiptTaskId, webhookTaskId } from "./tasks.ts";

/** What came of it. */
export interface Verdict {
  readonly delivered: number;
  readonly receipts: number;
  /** Webhooks the merchant accepted more than once. */
  readonly repeated: readonly Repetition[];
  /** Tasks owed of which nothing is left, or which are confirmed without their effect. */
  readonly lost: number;
  /** Everything that is not as promised, as sentences; empty when all is well. */
  readonly problems: readonly string[];
}

/** Unexplained repetitions that are told in full; one is a fault already. */
const MOST_STORIES = 5;

/** Judges. */
export function verdictOn(evidence: Evidence): Verdict {
  const { paymentIds, balance, accepted, receipts } = evidence;
  const delivered = paymentIds.filter((paymentId) => accepted.has(webhookTaskId(paymentId))).length;
  const written = paymentIds.filter((paymentId) => receipts.has(paymentId)).length;
  const repeated = repetitions(accepted, evidence.tasks, evidence.wasKilled);
  const lost = lostTasks(evidence);
  const unexplained = repeated.filter(({ reason }) => reason === "unexplained");
  const owed = 2 * paymentIds.length;
  const unasked = [...accepted.keys()].filter((taskId) => !evidence.tasks.has(taskId)).length;
  const problems = [
    [sumOf(balance) !== balance.enqueued, `the balance does not add up: ${conservationLine(balance)}`],
    [balance.enqueued !== owed, `${balance.enqueued} tasks were enqueued, ${owed} are owed for the payments`],
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
    [unexplained.length > 0, `${unexplained.length} repeated deliveries are not explained by an attempt`],
  ] as const;
  return {
    delivered,
    receipts: written,
    repeated,
    lost,
    problems: [
      ...problems.filter(([holds]) => holds).map(([, sentence]) => sentence),
      ...unexplained.slice(0, MOST_STORIES).map(storyOf),
    ],
  };
}

/** What the demo ends with: 0 if all is as promised, else 1. */
export function exitCodeOf({ problems }: Verdict): number {
  return problems.length === 0 ? 0 : 1;
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

function storyOf({ taskId, deliveries, story }: Repetition): string {
  return `${taskId} was delivered ${deliveries} times; its attempts: ${story || "none but the last"}`;
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
