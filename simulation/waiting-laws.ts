// No starvation, no hoarding: laws of tasks that wait although a worker could run them, by what its settings allow.
import type { PendingImage } from "../checker/history.ts";
import type { Violation } from "./first-laws.ts";
import type { Run } from "./scenario.ts";
import { crowded, freePart, type Span, touches } from "./spans.ts";
import { callOf, type FreeTime, type Hold, type Lives, livesOf, type WorkerLife } from "./worker-lives.ts";

/** How long a process waits for what keeps it from running a task alone. Not imported: the simulator believes nobody. */
const PATIENCE_MS = 10_000;
/** Longest delay between two tries of the engine while the database does not answer. */
const RETRY_CAP_MS = 2_000;
/** Losses after which a task runs alone. */
const LOSSES_BEFORE_ALONE = 2;
/** The database tells whole milliseconds. */
const ROUNDING_MS = 1;
/** Granted on top of every bound: outcomes are gathered for some milliseconds. */
const TOLERANCE_MS = 50;
/** An orderly stop of a worker may take this long beyond its grace. */
const STOP_MS = 30_000;
/** How often a task may be given back before a worker with room must have found it. */
const ROUNDS = 2;

/** Holds the laws of waiting against a run. After a restored backup nothing is known of what stood where. */
export function waitingLaws(run: Run): readonly Violation[] {
  if (run.history.nemesis.some(({ action }) => action.kind === "database.restored")) return [];
  const lives = livesOf(run);
  const view = new Waits(run, lives);
  return [...view.overtaken(), ...view.hoarded(), ...view.idle(), ...view.passedAround()];
}

class Waits {
  readonly #run: Run;
  readonly #lives: Lives;
  readonly #unquiet: readonly Span[];
  readonly #blocked = new Map<string, readonly Span[]>();
  #alone: readonly FreeTime[] | null = null;

  constructor(run: Run, lives: Lives) {
    this.#run = run;
    this.#lives = lives;
    const { plan } = run;
    const byChance = Object.keys(plan.network.only ?? plan.network.odds).length > 0;
    const whole = lives.disturbed.map(({ fromMs, toMs }) => ({ fromMs, toMs: toMs + this.#recoveryMs }));
    const early = byChance ? [{ fromMs: 0, toMs: plan.quietAtMs + this.#recoveryMs }] : [];
    this.#unquiet = [...whole, ...early];
  }

  /** A claim takes the oldest due tasks, also of types that do not run yet: whatever else goes on, and at no cost of time. */
  *overtaken(): Generator<Violation> {
    const free = [...this.#lives.free.values()].flat().filter(({ row }) => row.lostAttempts === 0);
    if (free.length === 0 || this.#run.plan.types.length < 2) return;
    for (const life of this.#lives.workers) {
      if (life.types.size < 2) continue;
      for (const { youngest, types } of claimsOf(life)) {
        if (youngest === null) continue;
        for (const waits of free) {
          const isBefore = waits.fromSeq < youngest.seq && waits.toSeq > youngest.seq;
          if (!isBefore || waits.row.dueAtMs >= youngest.row.dueAtMs) continue;
          const { type } = waits.row;
          if (
            types.has(type) ||
            !life.types.has(type) ||
            !this.#mayRun(life, waits.row, callOf(youngest.row))
          )
            continue;
          yield {
            law: "G11: a claim passes over a type that may run",
            taskId: waits.taskId,
            detail: `${life.name} took ${youngest.taskId}, due ${youngest.row.dueAtMs - waits.row.dueAtMs} ms later, and nothing of ${type}`,
          };
        }
      }
    }
  }

  /** What was claimed ahead of a slot is given back after a poll. */
  *hoarded(): Generator<Violation> {
    for (const life of this.#lives.workers) {
      const { pollIntervalMs } = life.worker;
      const longestMs = Math.min(pollIntervalMs, this.#run.plan.leaseMs / 3) + 2 * this.#tripMs;
      for (const { taskId, fromMs, toMs } of life.waiting) {
        if (toMs - fromMs <= longestMs) continue;
        const within = { fromMs, toMs: fromMs + longestMs };
        if (within.toMs > this.#run.virtualMs || touches(this.#disturbedOf(life), within)) continue;
        yield {
          law: "G11: a claimed task waits for a slot no longer than a poll",
          taskId,
          detail: `${life.name} held it for ${Math.round(toMs - fromMs)} ms and did not start it`,
        };
      }
    }
  }

  /** A worker with room that nothing disturbs leaves no due task to wait. */
  *idle(): Generator<Violation> {
    for (const [taskId, times] of this.#lives.free) {
      for (const time of times) {
        const life = this.#idleBeside(time, (worker) => this.#lookMs(worker));
        if (life === null) continue;
        yield {
          law: "G11: a due task does not wait beside a worker with room for it",
          taskId,
          detail: `due and free at ${Math.round(time.fromMs)} ms, and ${life.name} claimed nothing`,
        };
      }
    }
  }

  /** Nor does one that another worker claims ahead and gives back, again and again. */
  *passedAround(): Generator<Violation> {
    const { plan } = this.#run;
    const heldMs = Math.max(...this.#lives.workers.map(({ worker }) => worker.pollIntervalMs));
    const onceMs = Math.min(heldMs, plan.leaseMs / 3) + this.#tripMs;
    for (const [taskId, times] of this.#lives.free) {
      if (times.length < 2) continue;
      const held = (this.#lives.holds.get(taskId) ?? []).filter(({ isOfWorker, isStarted, fromMs, toMs }) => {
        return isOfWorker && !isStarted && toMs - fromMs <= onceMs + this.#tripMs;
      });
      const due = times.map((time) => ({ row: time.row, fromMs: this.#dueMs(time), toMs: time.toMs }));
      for (const time of unstarted([...due, ...held])) {
        const life = this.#idleBeside(time, (worker) => ROUNDS * (onceMs + this.#lookMs(worker)));
        if (life === null) continue;
        yield {
          law: "G11: a due task is not held and given back beside a worker with room for it",
          taskId,
          detail: `due at ${Math.round(time.fromMs)} ms, and ${life.name} claimed nothing`,
        };
      }
    }
  }

  #idleBeside(time: WaitingTime, boundOf: (life: WorkerLife) => number): WorkerLife | null {
    const { row } = time;
    const fromMs = this.#dueMs(time);
    const toMs = Math.min(time.toMs, this.#run.virtualMs);
    if (row.lostAttempts > 0 || toMs - fromMs <= this.#tripMs) return null;
    for (const life of this.#lives.workers) {
      const boundMs = boundOf(life);
      if (toMs - fromMs <= boundMs || !life.types.has(row.type)) continue;
      if (freePart({ fromMs, toMs }, this.#blockedOf(life, row), boundMs) !== null) return life;
    }
    return null;
  }

  /** From when on it was due; a jump of the database's clock may have put that off. */
  #dueMs({ row, fromMs }: Pick<FreeTime, "row" | "fromMs">): number {
    return Math.max(fromMs, this.#lives.virtualMs(row.dueAtMs) + ROUNDING_MS);
  }

  /** Two ways to the database and back, and what the engine gathers. */
  get #tripMs(): number {
    return 4 * this.#run.plan.network.mostMs + TOLERANCE_MS;
  }

  /** From when the database has done something until the process may hear of it. */
  get #answerMs(): number {
    const { network } = this.#run.plan;
    const isSlow = network.only === null ? network.odds.slow !== undefined : true;
    return (isSlow ? network.timeoutMs : network.mostMs) + ROUNDING_MS;
  }

  /** After a fault: the calls that hang, the retry, a heartbeat. */
  get #recoveryMs(): number {
    const { network, leaseMs } = this.#run.plan;
    return network.timeoutMs + RETRY_CAP_MS + leaseMs / 3 + this.#tripMs;
  }

  /** A worker looks once per poll at least: after the look that came a moment too early, this one finds what is due. */
  #lookMs({ worker }: WorkerLife): number {
    return worker.pollIntervalMs + this.#tripMs;
  }

  /** Whether the worker may run one more of the type and key when it sends a claim, and none waits there. */
  #mayRun(life: WorkerLife, { type, key }: PendingImage, name: string): boolean {
    const call = this.#lives.calls().get(name);
    const most = this.#mostOf(life, type);
    if (call === undefined || most === null) return false;
    const sent = { fromMs: call.fromMs, toMs: call.fromMs };
    if (life.waiting.some((waiting) => waiting.type === type && touches([waiting], sent))) return false;
    if (touches(this.#keyBlocked(life, type, key), sent)) return false;
    const held = life.holds.filter((hold) => hold.row.type === type && touches([this.#slotOf(hold)], sent));
    return held.length < most;
  }

  /** What is given back holds its slot until that is answered. */
  #slotOf({ fromMs, toMs, isStarted }: Hold): Span {
    return { fromMs, toMs: isStarted ? toMs : toMs + this.#answerMs };
  }

  #isBounded(type: string): boolean {
    return this.#run.plan.types.some(({ name, concurrency }) => name === type && concurrency !== null);
  }

  /** How many of a type may run in the worker at once; null when births, of which nobody knows, take part of that. */
  #mostOf({ worker, types, hasFastPath }: WorkerLife, type: string): number | null {
    const own = this.#run.plan.types.find(({ name }) => name === type)?.concurrency ?? null;
    if (own !== null) return hasFastPath ? null : Math.min(own, worker.concurrency);
    return types.size > 1 ? Math.ceil(worker.concurrency * 0.8) : worker.concurrency;
  }

  /** When the worker, or everybody, was kept from working. */
  #disturbedOf(life: WorkerLife): readonly Span[] {
    return this.#kept(`${life.name}`, () => [
      ...this.#unquiet,
      ...life.disturbed.map(({ fromMs, toMs }) => ({
        fromMs,
        toMs: toMs + this.#recoveryMs + this.#lookMs(life),
      })),
      ...this.#workerStops(life),
    ]);
  }

  #workerStops({ node }: WorkerLife): Span[] {
    return this.#run.plan.actions.flatMap((action) => {
      if (action.kind !== "stopWorker" || action.node !== node) return [];
      const { atMs, graceMs, downMs } = action;
      return [{ fromMs: atMs, toMs: atMs + graceMs + STOP_MS + downMs }];
    });
  }

  /** When a breaker stopped the type or the key, and when as many of the key were held as may run. */
  #keyBlocked(life: WorkerLife, type: string, key: string | undefined): readonly Span[] {
    const lookMs = this.#lookMs(life);
    const stops = life.stops
      .filter((stop) => stop.type === type && (stop.key === null || stop.key === key))
      .map(({ fromMs, toMs }) => ({ fromMs, toMs: toMs + lookMs }));
    const most = this.#run.plan.types.find(({ name }) => name === type)?.concurrencyPerKey;
    if (most === undefined || key === undefined) return stops;
    const ofKey = life.holds.filter(({ row }) => row.type === type && row.key === key);
    const slots = ofKey.map((hold) => this.#slotOf(hold));
    return [...stops, ...crowded(slots, most)];
  }

  /** When the worker may leave a task of the type and key alone, for any reason. */
  #blockedOf(life: WorkerLife, { type, key }: PendingImage): readonly Span[] {
    return this.#kept(`${life.name} ${type} ${key ?? ""}`, () => {
      const most = this.#mostOf(life, type);
      if (most === null) return [{ fromMs: 0, toMs: Number.POSITIVE_INFINITY }];
      const own = life.holds.filter(({ isOfWorker }) => isOfWorker);
      const counted = this.#isBounded(type) ? life.holds : own;
      return [
        ...this.#disturbedOf(life),
        ...absences(life),
        ...this.#keyBlocked(life, type, key),
        ...this.#solitude(life),
        ...own.map(({ fromMs }) => ({ fromMs, toMs: fromMs })),
        ...crowded(own, life.worker.concurrency),
        ...crowded(
          counted.filter(({ row }) => row.type === type),
          most,
        ),
      ];
    });
  }

  /** Tasks that must run alone: while one waits the worker may hold back, and while it runs one it does nothing else. */
  #solitude(life: WorkerLife): Span[] {
    const lookMs = this.#lookMs(life);
    this.#alone ??= [...this.#lives.free.values()].flat().filter(({ row }) => isAlone(row));
    const waits = this.#alone
      .filter(({ row }) => life.types.has(row.type))
      .map(({ row, fromMs, toMs }) => ({
        fromMs: Math.max(fromMs, this.#lives.virtualMs(row.dueAtMs)),
        toMs: toMs + lookMs,
      }));
    const runs = life.holds
      .filter(({ row }) => isAlone(row))
      .map(({ fromMs, toMs, isLate }) => ({ fromMs, toMs: toMs + lookMs + (isLate ? PATIENCE_MS : 0) }));
    return [...waits.filter(({ fromMs, toMs }) => toMs > fromMs + lookMs), ...runs];
  }

  #kept(key: string, make: () => readonly Span[]): readonly Span[] {
    let spans = this.#blocked.get(key);
    if (spans === undefined) {
      spans = make();
      this.#blocked.set(key, spans);
    }
    return spans;
  }
}

type WaitingTime = Pick<FreeTime, "row" | "fromMs" | "toMs">;

/** The times in which a task was not executed, whether it was free or held by workers that did not start it. */
function unstarted(parts: readonly WaitingTime[]): readonly WaitingTime[] {
  const chains: { row: WaitingTime["row"]; fromMs: number; toMs: number }[] = [];
  for (const { row, fromMs, toMs } of parts.toSorted((left, right) => left.fromMs - right.fromMs)) {
    const last = chains.at(-1);
    const isNext = last !== undefined && fromMs - last.toMs <= 2 * ROUNDING_MS;
    if (isNext && last.row.failedAttempts === row.failedAttempts) last.toMs = Math.max(last.toMs, toMs);
    else chains.push({ row, fromMs, toMs });
  }
  return chains;
}

function isAlone({ lostAttempts }: { readonly lostAttempts: number }): boolean {
  return lostAttempts >= LOSSES_BEFORE_ALONE;
}

/** When the worker was not registered. */
function absences({ registered }: WorkerLife): Span[] {
  const spans: Span[] = [];
  let fromMs = 0;
  for (const span of registered) {
    spans.push({ fromMs, toMs: span.fromMs });
    fromMs = span.toMs;
  }
  return [...spans, { fromMs, toMs: Number.POSITIVE_INFINITY }];
}

interface TakenAtOnce {
  /** The youngest that was never lost. */
  youngest: Hold | null;
  /** Suspects count, too. */
  readonly types: Set<string>;
}

/** What each claim of the worker took, apart from what must run alone. */
function claimsOf({ holds }: WorkerLife): Iterable<TakenAtOnce> {
  const claims = new Map<string, TakenAtOnce>();
  for (const hold of holds) {
    const { row, isOfWorker } = hold;
    if (!isOfWorker || isAlone(row)) continue;
    const name = callOf(row);
    let claim = claims.get(name);
    if (claim === undefined) claims.set(name, (claim = { youngest: null, types: new Set() }));
    claim.types.add(row.type);
    if (row.lostAttempts > 0) continue;
    if (claim.youngest === null || row.dueAtMs > claim.youngest.row.dueAtMs) claim.youngest = hold;
  }
  return claims.values();
}
