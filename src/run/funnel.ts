/** executeAndAdvance: the one funnel through which every claimed task goes, whichever path claimed it. */
import type { Ports } from "../ports/ports.ts";
import type { SettleAnswer, Settlement } from "../store/contract.ts";
import type { BoundExecutor } from "../task/executor.ts";
import { type Decision, decide, decideBeforeAttempt } from "../task/outcome.ts";
import { safeError } from "../task/safe-error.ts";
import type { ClaimedTask, FailureReason, RecordedError } from "../task/task.ts";
import type { AttemptEvent } from "../telemetry/channels.ts";
import { ABORT_MS, type AbortCause, type AttemptResult, attemptNumber, RunningAttempt } from "./attempt.ts";
import type { Completions } from "./completion.ts";
import type { Executors, ResolvedExecutor } from "./executors.ts";
import type { Gate } from "./gate.ts";
import type { LiveClaims } from "./live-claims.ts";
import type { LiveProcess } from "./live-process.ts";
import type { Reporter } from "./reporter.ts";
import type { RollUps } from "./roll-ups.ts";
import type { Settler } from "./settler.ts";
import { within } from "./sleep.ts";
import type { Slot, Slots } from "./slots.ts";
import type { Surroundings } from "./surroundings.ts";

/** What became of a task that was to be executed now, told after it was written. */
export type ExecutionAnswer =
  /** The executor succeeded. */
  | "confirmed"
  /** It failed, or was given back by a stop, and will be attempted again. */
  | "retrying"
  /** It asked to come later, or its data cannot be read here. */
  | "deferred"
  /** It ended as failed. */
  | "failed"
  /** It was cancelled meanwhile. */
  | "cancelled"
  /** Not executed here: not committed, not due, held by another, full, or of a type this process does not execute. */
  | "notClaimed"
  /** What the executor reported changed nothing: the claim had been superseded, or it was not written before the stop was over. */
  | "lost";

/** Names a task to a hook. */
export interface SettledTask {
  readonly taskId: string;
  readonly type: string;
  readonly referenceId: string | null;
}

/** Hooks of the application. Best effort: they fire after the commit that makes them true, and may be lost in a crash. */
export interface Hooks {
  /** A task was confirmed. */
  readonly onConfirmed?: ((task: SettledTask) => unknown) | undefined;
  /** A task ended as failed: somebody must look. */
  readonly onFailed?:
    | ((task: SettledTask & { readonly reason: FailureReason; readonly error: RecordedError }) => unknown)
    | undefined;
}

/** What the funnel works with. */
interface FunnelParts {
  readonly ports: Ports;
  readonly executors: Executors;
  readonly gate: Gate;
  readonly process: LiveProcess;
  readonly claims: LiveClaims;
  readonly completions: Completions;
  readonly settler: Settler;
  readonly rollUps: RollUps;
  readonly reporter: Reporter;
  readonly hooks: Hooks;
}

type Path = AttemptEvent["path"];

/** What a settlement would answer for a task that its executor has confirmed in a transaction. */
const CONFIRMED: SettleAnswer = Object.freeze({ verdict: "applied", state: "confirmed" });

/** Executes claimed tasks and advances them. */
export class Funnel {
  readonly #parts: FunnelParts;
  readonly #running = new Map<RunningAttempt, { readonly owner: string; readonly slots: Slots }>();

  constructor(parts: FunnelParts) {
    this.#parts = parts;
  }

  /** Executes a task under a live claim of this process and writes the outcome. Never rejects. */
  async advance(task: ClaimedTask, slots: Slots, path: Path): Promise<ExecutionAnswer> {
    const { executors, gate, claims, process } = this.#parts;
    const slot = slots.take(task.type, task.lostAttempts > 0);
    const pass = gate.enter(task);
    try {
      const resolved = executors.of(task.type);
      if (resolved === null || !process.mayStartUnder(task.token)) return await this.#giveBack(task, path);
      const refused = decideBeforeAttempt(task, resolved.policy);
      if (refused !== null) return await this.#settle(task, refused, 0, path);
      const attempt = this.#start(task, resolved, slots, path);
      const result = await attempt.result;
      const decision = this.#decide(task, resolved, attempt, result, path);
      pass.end(result.outcome);
      if (result.isConfirmed) return this.#settled(task, decision, CONFIRMED, path);
      const answer = this.#settle(task, decision, result.durationMs, path);
      if (result.unfinished !== null) void this.#followUnfinished(task, result, slot, slots, answer, path);
      else slot.release();
      return await answer;
    } catch (error) {
      // Nothing above is meant to throw. Should it, the row stays under a claim that is void from now on: it is free.
      this.#parts.reporter.report("engine.error", { ...attemptEvent(task, path), error: safeError(error) });
      return "lost";
    } finally {
      pass.end(null);
      claims.drop(task.token.claim);
      if (!slot.isZombie) slot.release();
    }
  }

  /** Gives a claimed task back without cost; nothing was started. Never rejects. */
  async release(task: ClaimedTask, path: Path): Promise<ExecutionAnswer> {
    try {
      return await this.#giveBack(task, path);
    } finally {
      this.#parts.claims.drop(task.token.claim);
    }
  }

  /** Aborts what runs under an owner, or everything. */
  abort(cause: AbortCause, which: { readonly owner?: string; readonly slots?: Slots } = {}): void {
    for (const [attempt, { owner, slots }] of this.#running) {
      if (which.owner !== undefined && which.owner !== owner) continue;
      if (which.slots === undefined || which.slots === slots) attempt.abort(cause);
    }
  }

  /** Ends what still runs in these slots as abandoned. */
  abandon(slots: Slots): void {
    for (const [attempt, running] of this.#running) if (running.slots === slots) attempt.abandon();
  }

  async #giveBack(task: ClaimedTask, path: Path): Promise<ExecutionAnswer> {
    await this.#settle(task, { kind: "release" }, 0, path);
    return "notClaimed";
  }

  #start(task: ClaimedTask, resolved: ResolvedExecutor, slots: Slots, path: Path): RunningAttempt {
    const { ports, completions, reporter, rollUps } = this.#parts;
    const surroundings = reporter.begin((within) =>
      Object.assign(attemptEvent(task, path), { ageMs: task.ageMs, within }),
    );
    rollUps.started(task);
    const executor = surroundings === null ? resolved.executor : enclosed(resolved.executor, surroundings);
    const attempt = new RunningAttempt(ports, executor, task, resolved.timeoutMs, completions);
    this.#running.set(attempt, { owner: task.token.owner, slots });
    return attempt;
  }

  #decide(
    task: ClaimedTask,
    resolved: ResolvedExecutor,
    attempt: RunningAttempt,
    { outcome, durationMs }: AttemptResult,
    path: Path,
  ): Decision {
    const { ports, reporter, rollUps } = this.#parts;
    this.#running.delete(attempt);
    rollUps.ended(task, outcome.kind, durationMs);
    reporter.tell("attempt.end", () =>
      Object.assign(attemptEvent(task, path), {
        outcome: outcome.kind,
        durationMs,
        error: "error" in outcome ? outcome.error : null,
      }),
    );
    return decide(outcome, task, resolved.policy, durationMs, ports.random.fraction());
  }

  /** An executor that outlived its attempt keeps its slot as a zombie; should it succeed after all, that is the truth. */
  async #followUnfinished(
    task: ClaimedTask,
    result: AttemptResult,
    slot: Slot,
    slots: Slots,
    answer: Promise<ExecutionAnswer>,
    path: Path,
  ): Promise<void> {
    const { ports, reporter } = this.#parts;
    const sinceMs = ports.clock.monotonicMs();
    const ended = result.unfinished ?? Promise.resolve("failed" as const);
    slot.becomeZombie();
    // Most heed their signal in a moment: only the deaf are told of. An abandoned one has had its moment.
    const hadTime = result.outcome.kind === "abandoned";
    if (hadTime || (await within(ports.timers, ended, ABORT_MS)) === "late") {
      reporter.report("attempt.zombie", { ...attemptEvent(task, path), zombies: slots.zombies });
    }
    const end = await ended;
    slot.release();
    const told = await answer;
    // The end of the attempt was refused then, because the task was confirmed already.
    if (end === "confirmed" && told === "lost") this.#settled(task, { kind: "confirm" }, CONFIRMED, path);
    if (end !== "succeeded") return;
    const durationMs = result.durationMs + ports.clock.monotonicMs() - sinceMs;
    await this.#settle(task, { kind: "confirm" }, durationMs, path);
  }

  #settle(task: ClaimedTask, decision: Decision, durationMs: number, path: Path): Promise<ExecutionAnswer> {
    return new Promise((resolve, reject) => {
      const told = (answer: SettleAnswer | null): void => {
        try {
          resolve(this.#settled(task, decision, answer, path));
        } catch (error) {
          reject(error);
        }
      };
      this.#parts.settler.settle(settlementOf(task, decision, durationMs), told, reject);
    });
  }

  #settled(task: ClaimedTask, decision: Decision, answer: SettleAnswer | null, path: Path): ExecutionAnswer {
    if (answer === null) return "lost"; // nobody is told of what was not written
    const { verdict, state } = answer;
    this.#parts.reporter.tell("task.settled", () =>
      Object.assign(attemptEvent(task, path), { verdict, state }),
    );
    if (verdict === "applied" || verdict === "late") this.#rollUp(task.type, decision);
    this.#callHooks(task, decision, answer, path);
    return executionAnswer(decision, answer);
  }

  #rollUp(type: string, decision: Decision): void {
    const { rollUps } = this.#parts;
    if (decision.kind === "confirm") return rollUps.settled(type, "confirmed");
    const isFailed =
      decision.kind === "retry"
        ? decision.counted === "failed"
        : decision.kind === "fail" && decision.counted;
    if (isFailed) rollUps.settled(type, "failed");
    if (decision.kind === "fail") rollUps.settled(type, "given up");
  }

  #callHooks(task: ClaimedTask, decision: Decision, answer: SettleAnswer, path: Path): void {
    const { reporter, hooks } = this.#parts;
    const { taskId, type, referenceId } = task;
    const attempt = (): AttemptEvent => attemptEvent(task, path);
    const changed = answer.verdict === "applied" || answer.verdict === "late";
    if (!changed) return;
    if (decision.kind === "confirm") {
      const { onConfirmed } = hooks;
      if (onConfirmed !== undefined)
        reporter.callHook("onConfirmed", attempt, () => onConfirmed({ taskId, type, referenceId }));
    } else if (decision.kind === "fail") {
      const { reason, error } = decision;
      reporter.report("task.failed", { ...attemptEvent(task, path), reason, error });
      const { onFailed } = hooks;
      if (onFailed !== undefined) {
        reporter.callHook("onFailed", attempt, () => onFailed({ taskId, type, referenceId, reason, error }));
      }
    }
  }
}

/** The executor inside what the listeners have put around its attempt. */
function enclosed(executor: BoundExecutor, surroundings: Surroundings): BoundExecutor {
  const { type, retry, options } = executor;
  return { type, retry, options, run: (task, host) => surroundings.run(() => executor.run(task, host)) };
}

/** Almost all are confirmed, and spreading an object is dear. */
function settlementOf(
  { id, taskId, token }: ClaimedTask,
  decision: Decision,
  durationMs: number,
): Settlement {
  if (decision.kind === "confirm") return { kind: "confirm", id, taskId, token, durationMs };
  return { ...decision, id, taskId, token, durationMs };
}

/** What an event adds is assigned to it: every attempt tells three, and spreading one takes four microseconds. */
function attemptEvent(task: ClaimedTask, path: Path): AttemptEvent {
  return {
    taskId: task.taskId,
    type: task.type,
    referenceId: task.referenceId,
    headers: task.headers,
    attempt: attemptNumber(task),
    owner: task.token.owner,
    claim: task.token.claim,
    generation: task.token.generation,
    path,
  };
}

function executionAnswer(decision: Decision, answer: SettleAnswer): ExecutionAnswer {
  if (answer.verdict === "applied" || answer.verdict === "late") {
    if (decision.kind === "confirm") return "confirmed";
    if (decision.kind === "fail") return "failed";
    return decision.kind === "retry" && decision.counted === "deferred" ? "deferred" : "retrying";
  }
  return answer.state === "cancelled" ? "cancelled" : "lost";
}
