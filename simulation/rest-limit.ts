// How long a plan may take to come to rest, by what the guarantees allow each attempt and each loss.
import type { Plan, PlannedAction, PlannedTask, Step } from "./plan.ts";

/** Losses in company before a task runs alone. Not imported: the simulator believes nobody. */
const LOSSES_BEFORE_ALONE = 2;
/** How long a process waits to fall idle by itself for a task that must run alone. */
const PATIENCE_MS = 10_000;
/** The wait of a task that was lost twice; it doubles with each further loss, up to the other. */
const FIRST_LOST_DELAY_MS = 1_000;
const LONGEST_LOST_DELAY_MS = 300_000;
/** Longest delay between two tries of the engine while the database does not answer. */
const RETRY_CAP_MS = 2_000;

/** The wait of a task whose data cannot be read. */
const UNDECODABLE_DELAY_MS = 60_000;

/** What a task takes of the time of all, and what it waits by itself while others go on. */
interface Need {
  readonly serialMs: number;
  readonly ownMs: number;
}

/** The bound, from the quiet on: the longest wait of one task, and all executions one after the other, as with one slot. */
export function restLimitMs(plan: Plan): number {
  const { tasks, requests, actions } = plan;
  const needs = tasks.map((task, index) => {
    // Each redrive is another life of the task; so is each request, when the task was pruned meanwhile.
    const asked = requests.filter(({ calls }) => calls.some((call) => call.tasks.includes(index))).length;
    const lives = asked + actions.filter((action) => isRedrive(action, index)).length;
    const { serialMs, ownMs } = needOf(plan, task);
    return { serialMs: serialMs * lives, ownMs: task.delayMs + ownMs * lives };
  });
  const workMs = needs.reduce((sum, { serialMs }) => sum + serialMs, 0);
  return remainderMs(plan) + mostOf(needs.map(({ ownMs }) => ownMs)) + workMs;
}

function isRedrive(action: PlannedAction, task: number): boolean {
  return action.kind === "operator" && action.operation === "redrive" && action.task === task;
}

/** What was under way when the quiet began: faults, stops, transactions of clients, calls without an answer. */
function remainderMs(plan: Plan): number {
  const { requests, actions, network } = plan;
  const pausesMs = mostOf(actions.map((action) => ("forMs" in action ? action.forMs : 0)));
  const stopsMs = mostOf(actions.map((action) => ("graceMs" in action ? action.graceMs + action.downMs : 0)));
  const clientsMs = mostOf(
    requests.map(({ holdMs, retries }) => (holdMs + RETRY_CAP_MS + network.timeoutMs) * (retries + 1)),
  );
  return pausesMs + stopsMs + clientsMs + 4 * network.timeoutMs + 2 * recoveryMs(plan);
}

/** From the death of a process to the claim of what it held (G12). */
function recoveryMs({ leaseMs, nodes, network }: Plan): number {
  const pollMs = mostOf(nodes.map(({ worker }) => worker?.pollIntervalMs ?? 0));
  return leaseMs + (2 * leaseMs) / 3 + pollMs + RETRY_CAP_MS + 10 * network.mostMs;
}

/** What one generation of a task needs. */
function needOf(plan: Plan, task: PlannedTask): Need {
  const { leaseMs, types, nodes, network } = plan;
  const timeoutMs = types[task.type]?.timeoutMs ?? 0;
  const last = task.steps.at(-1);
  const repeats =
    last?.kind === "fail" || last?.kind === "hang" ? (types[task.type]?.maxFailedAttempts ?? 0) : 0;
  const attempts = [...task.steps, ...Array.from({ length: repeats }, () => last)];
  const stepsMs = attempts.map((step) => (step === undefined ? 0 : attemptMs(step, timeoutMs)));
  const claimMs = mostOf(nodes.map(({ worker }) => worker?.pollIntervalMs ?? 0)) + 4 * network.mostMs;
  const delaysMs = attempts.map((step) => Math.max(types[task.type]?.maxDelayMs ?? 0, delayOf(step)));
  // Each of its failures, and of those of others, may open a breaker anew; then they go on one by one.
  const stopMs = types[task.type]?.breaker?.maxCoolDownMs ?? 0;
  let serialMs = stepsMs.reduce((sum, ms) => sum + ms + claimMs + stopMs, 0);
  let ownMs = delaysMs.reduce((sum, ms) => sum + ms * 1.1 + claimMs, 0);
  for (let losses = 1; losses <= mostLosses(plan, task); losses += 1) {
    const doublings = Math.max(losses - LOSSES_BEFORE_ALONE, 0);
    // An execution for nothing, the start of another process (a quarter of the lease), and company that must go.
    serialMs += mostOf(stepsMs) + leaseMs / 4 + claimMs + PATIENCE_MS;
    ownMs += recoveryMs(plan) + Math.min(FIRST_LOST_DELAY_MS * 2 ** doublings, LONGEST_LOST_DELAY_MS);
  }
  return { serialMs, ownMs };
}

/** A task that ends no process is lost beside those that do, until it runs alone, too. */
function mostLosses({ maxLostAlone, tasks }: Plan, task: PlannedTask): number {
  if (task.steps.some(isKill)) return LOSSES_BEFORE_ALONE + maxLostAlone;
  return tasks.some(({ steps }) => steps.some(isKill)) ? LOSSES_BEFORE_ALONE : 0;
}

function isKill({ kind }: Step): boolean {
  return kind === "kill";
}

/** An attempt ends at its timeout; a process that stands still does not see it before it wakes. */
function attemptMs({ kind, runMs, extraMs }: Step, timeoutMs: number): number {
  return Math.min(kind === "hang" ? timeoutMs : runMs, timeoutMs) + (kind === "block" ? extraMs : 0);
}

function delayOf(step: Step | undefined): number {
  return step?.kind === "undecodable" ? UNDECODABLE_DELAY_MS : (step?.extraMs ?? 0);
}

function mostOf(numbers: readonly number[]): number {
  return Math.max(0, ...numbers);
}
